"""Time that a study still takes, at the pace of its session so far."""

from __future__ import annotations

import time
from collections.abc import Sequence

from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord


class TimeLeft:
    """Estimate from the trials, and the parts of running ones, that this session has trained."""

    def __init__(self, config: StudyConfig, records: Sequence[TrialRecord]) -> None:
        """``records`` are the trials at the start of the session."""
        self._config = config
        self._started = time.monotonic()
        self._n_before = n_ended(config, records)

    def seconds(self, records: Sequence[TrialRecord], n_to_come: int) -> float | None:
        """Seconds to the end of the last trial; None before the first validation.

        Args:
            records: the trials that were begun.
            n_to_come: number of the others.
        """
        n_now = n_ended(self._config, records)
        n_here = n_now - self._n_before
        if n_here <= 0:
            return None
        pace_s = (time.monotonic() - self._started) / n_here
        return pace_s * (len(records) + n_to_come - n_now)


def n_ended(config: StudyConfig, records: Sequence[TrialRecord]) -> float:
    """Number of ended trials, and the share of its budget that each running one has spent."""
    return sum(_share(config, record) for record in records)


def _share(config: StudyConfig, record: TrialRecord) -> float:
    if record.state != "running":
        return 1.0
    if not record.curve:
        return 0.0
    clock = config.objective.clock
    return min(1.0, record.curve[-1].at(clock) / config.budget.horizon(clock))
