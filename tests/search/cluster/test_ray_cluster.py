"""What the driver says of failures that Tune logs."""

from __future__ import annotations

import errno
import logging

import pytest
from ray.exceptions import RayActorError, RayTaskError

from search.cluster.ray_cluster import _set_up

TUNE = "ray.tune.execution.tune_controller"


def raised_in_a_trial(cause: Exception) -> Exception:
    """As Ray hands an error to the driver."""
    error: Exception = RayTaskError("step", "Traceback of the trial", cause).as_instanceof_cause()
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (raised_in_a_trial(OSError(errno.ENOSPC, "the disk is full")), "the disk is full"),
        (RayActorError(error_msg="its node\n\thas died"), "its node has died"),
    ],
)
def test_what_the_machine_does_to_a_trial_is_told_in_a_line(
    error: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    _set_up()
    logging.getLogger(TUNE).error("Trial task failed for trial 7", exc_info=error)
    (line,) = caplog.text.splitlines()
    assert "Trial task failed for trial 7: " in line
    assert told in line


def test_a_fault_of_the_code_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    _set_up()
    logging.getLogger(TUNE).error("Trial 7", exc_info=raised_in_a_trial(ValueError("ours")))
    assert len(caplog.text.splitlines()) > 1
