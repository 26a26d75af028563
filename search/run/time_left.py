"""Time that a study still takes, at the pace of its session so far."""

from __future__ import annotations

import time
from collections.abc import Sequence

from search.costs.duration import likely_share
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord

# What is expected before the first trial counts as much as so many trials of this session.
_PACE_WEIGHT, _SHARE_WEIGHT = 2, 4


class TimeLeft:
    """Estimate from the trials, and the parts of running ones, that this session has trained."""

    def __init__(
        self, config: StudyConfig, records: Sequence[TrialRecord], expected_s: float | None
    ) -> None:
        """Begin a session.

        Args:
            config: the study.
            records: the trials at the start of the session.
            expected_s: seconds for each trial that spends its whole budget, if foretold.
        """
        self._config = config
        self._before = {record.id: record for record in records}
        self._expected_s = expected_s
        self._began: float | None = None  # monotonic clock at the session's first update

    def seconds(self, records: Sequence[TrialRecord], n_to_come: int) -> float | None:
        """Seconds to the end of the last trial; None before the first validation.

        Args:
            records: the trials that were begun.
            n_to_come: number of the others.
        """
        self._forget_begun_again(records)
        before = [self._before[record.id] for record in records if record.id in self._before]
        spent = sum(spent_share(self._config, record) for record in records)
        spent -= sum(spent_share(self._config, record) for record in before)
        if spent <= 0:
            return None
        now = time.monotonic()
        if self._began is None:  # the processes' start is no part of the pace
            earlier_s = {record.id: _trained_s(record) for record in before}
            trained = (_trained_s(r) - earlier_s.get(r.id, 0.0) for r in records)
            self._began = now - max(trained)
        expected = self._expected_share(records)
        running = (record for record in records if record.state == "running")
        left = n_to_come + sum(1.0 - spent_share(self._config, record) for record in running)
        taken = now - self._began
        if self._expected_s is not None:
            taken += _PACE_WEIGHT * self._expected_s
            spent += _PACE_WEIGHT
        return taken / spent * expected * left

    def _forget_begun_again(self, records: Sequence[TrialRecord]) -> None:
        """Trials that lost their curves are this session's from their first update on."""
        for record in records:
            before = self._before.get(record.id)
            if before is not None and len(record.curve) < len(before.curve):
                del self._before[record.id]

    def _expected_share(self, records: Sequence[TrialRecord]) -> float:
        """Share of its budget that a trial spends on average: the scheduler stops some early.

        At first half of what the scheduler may spare, then more and more as the trials so far.
        """
        likely = likely_share(self._config)
        ended = [
            spent_share(self._config, record) for record in records if record.state != "running"
        ]
        return (_SHARE_WEIGHT * likely + sum(ended)) / (_SHARE_WEIGHT + len(ended))


def spent_share(config: StudyConfig, record: TrialRecord) -> float:
    """Share of its budget that a trial has spent."""
    if not record.curve:
        return 0.0
    clock = config.objective.clock
    return min(1.0, record.curve[-1].at(clock) / config.budget.horizon(clock))


def _trained_s(record: TrialRecord) -> float:
    return record.curve[-1].seconds if record.curve else 0.0
