"""What the driver says of failures that Tune logs."""

from __future__ import annotations

import errno
import logging

import pytest
from ray.exceptions import RayTaskError

from search.cluster.ray_cluster import _set_up

TUNE = "ray.tune.execution.tune_controller"


def raised_in_a_trial(cause: Exception) -> Exception:
    """As Ray hands an error to the driver."""
    return RayTaskError("step", "Traceback of the trial", cause).as_instanceof_cause()


@pytest.mark.parametrize(
    ("cause", "has_traceback"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (ValueError("a fault of ours"), True),
    ],
)
def test_a_full_disk_is_told_in_a_line_and_a_fault_with_its_traceback(
    cause: Exception, has_traceback: bool, caplog: pytest.LogCaptureFixture
) -> None:
    _set_up()
    logging.getLogger(TUNE).error(
        "Trial task failed for trial 7", exc_info=raised_in_a_trial(cause)
    )
    (message,) = caplog.records
    assert (len(caplog.text.splitlines()) > 1) == has_traceback
    assert has_traceback or str(cause) in caplog.text
    assert message.getMessage().startswith("Trial task failed for trial 7")
