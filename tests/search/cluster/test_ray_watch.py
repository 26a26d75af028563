"""Errors that come of a dead process of Ray, before the watch is sure of its death."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator

import pytest

from search.cluster.ray_watch import _cause_in_ray, _connects_to
from search.study.errors import NotFinished, WorkFailed
from spaces.errors import UserError
from tests.ports import free_port

Check = Callable[[], bool]


@pytest.fixture
def checks() -> Iterator[dict[str, Check]]:
    """The head answers, the raylet does not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        head = _connects_to(f"127.0.0.1:{server.getsockname()[1]}")
        yield {"head": head, "raylet": _connects_to(f"127.0.0.1:{free_port()}")}


@pytest.mark.parametrize(
    "error", [RuntimeError("Caught unexpected exception"), UserError("the largest node has 0 CPUs")]
)
def test_an_error_while_a_process_of_ray_is_dead_is_that_processs(
    error: Exception, checks: dict[str, Check]
):
    assert _cause_in_ray(error, checks) == "raylet"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        WorkFailed("a trial met a fault too often"),
        NotFinished("the time is over"),
        KeyboardInterrupt(),
    ],
)
def test_an_error_with_a_cause_of_its_own_stays(error: BaseException, checks: dict[str, Check]):
    assert _cause_in_ray(error, checks) is None


def test_an_error_while_ray_is_well_stays(checks: dict[str, Check]):
    assert _cause_in_ray(ValueError("ours"), {"head": checks["head"]}) is None
