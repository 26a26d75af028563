"""The driver's log lines for failures that Tune logs."""

from __future__ import annotations

import errno
import logging

import pytest
from ray.exceptions import RayActorError, RayTaskError

from search.cluster.ray_cluster import _set_up

TUNE = "ray.tune.execution.tune_controller"


def raised_in_a_trial(cause: Exception) -> Exception:
    """The exception that the driver gets from Ray for ``cause`` in a trial."""
    error: Exception = RayTaskError("step", "Traceback of the trial", cause).as_instanceof_cause()
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (raised_in_a_trial(OSError(errno.ENOSPC, "the disk is full")), "the disk is full"),
        (RayActorError(error_msg="its node\n\thas died"), "its node has died"),
    ],
)
def test_an_error_of_a_trials_machine_is_logged_in_one_line(
    error: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    _set_up()
    logging.getLogger(TUNE).error("Trial task failed for trial 7", exc_info=error)
    (line,) = caplog.text.splitlines()
    assert "Trial task failed for trial 7: " in line
    assert reason in line


def test_a_fault_of_the_code_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    _set_up()
    logging.getLogger(TUNE).error("Trial 7", exc_info=raised_in_a_trial(ValueError("ours")))
    assert len(caplog.text.splitlines()) > 1
