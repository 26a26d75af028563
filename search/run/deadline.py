"""Moment by which a command ends, given with ``--for``, so that long work is done in slices."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self

from search.study.duration import duration_s
from spaces.errors import UserError

# Time between the stop of the training and the end of the command: actors end, which Tune gives
# 10 seconds, the last records are sent to MLflow, Ray stops.
CLOSING_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Moment by which a command ends; its training stops ``CLOSING_S`` earlier."""

    duration: str  # as the user wrote it
    at: float  # reading of the monotonic clock, in seconds

    @classmethod
    def after(cls, duration: str) -> Self:
        """Deadline in a time from now, written as ``90s``, ``9m`` or ``1h``.

        Raises:
            UserError: it is not written so, or leaves no time for training.
        """
        try:
            seconds = duration_s(duration)
        except ValueError as error:
            raise UserError(f"--for '{duration}': {error}") from error
        if seconds <= CLOSING_S:
            raise UserError(
                f"--for {duration}: the end of the work alone takes up to {CLOSING_S:g}s; give a "
                "few minutes"
            )
        return cls(duration=duration, at=time.monotonic() + seconds)

    @property
    def is_near(self) -> bool:
        """True once training must stop for the command to end in time."""
        return time.monotonic() >= self.at - CLOSING_S
