"""Moment by which a command ends, given with ``--for``, so that long work is done in slices."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Self

from spaces.errors import UserError

# Time between the stop of the training and the end of the command: actors end, which Tune gives
# 10 seconds, the last records are sent to MLflow, Ray stops.
CLOSING_S = 20.0

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh])")
_UNITS_S = {"s": 1, "m": 60, "h": 3600}


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
        found = _DURATION.fullmatch(duration)
        if found is None:
            raise UserError(f"--for '{duration}': is no time; write 90s, 9m or 1h")
        seconds = float(found[1]) * _UNITS_S[found[2]]
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
