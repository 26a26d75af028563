"""Limits of a search as a whole: ``search.timeout`` and ``search.max_failed``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from search.run.search_time import SearchTime
from search.study.config import SearchConfig
from search.study.duration import duration_s
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.suggest.trial_source import NextTrial, TrialSource

logger = logging.getLogger(__name__)


class LimitedTrials(TrialSource):
    """Trials of another source until a limit of the search is reached; running ones go on.

    The time is kept at the end of each trial, so that a driver that is killed loses little of it.
    """

    def __init__(
        self,
        trials: TrialSource,
        limits: SearchConfig,
        ledger: Ledger,
        time: SearchTime,
    ) -> None:
        self._trials = trials
        self._limits = limits
        self._ledger = ledger
        self._time = time
        self._is_logged = False  # True once the log has the limit
        self._is_over = False

    def next_trial(self) -> NextTrial:
        limit = self._reached()
        if limit is None:
            found = self._trials.next_trial()
            self._is_over = found == "never"
            return found
        self._is_over = True
        if not self._is_logged:
            logger.warning("%s: no new trial is started", limit)
            self._is_logged = True
        return "never"

    def n_to_come(self) -> int:
        return 0 if self._is_over else self._trials.n_to_come()

    def observe(self, record: TrialRecord, result: Mapping[str, Any]) -> None:
        self._trials.observe(record, result)

    def end(self, record: TrialRecord, result: Mapping[str, Any]) -> None:
        self._trials.end(record, result)
        self._time.keep()

    def _reached(self) -> str | None:
        """The limit that has been reached; None before."""
        timeout, max_failed = self._limits.timeout, self._limits.max_failed
        if timeout is not None and self._time.seconds >= duration_s(timeout):
            return f"search.timeout {timeout}"
        if failures_fault(self._ledger.records, max_failed) is not None:
            return f"search.max_failed {max_failed}"
        return None


def failures_fault(records: Iterable[TrialRecord], max_failed: int | None) -> str | None:
    """The failed trials with their reasons, if there are ``max_failed`` or more; else None."""
    reasons: dict[str, list[str]] = {}
    for record in records:
        if record.state == "failed":
            reasons.setdefault(record.reason or "no reason was recorded", []).append(str(record.id))
    n_failed = sum(map(len, reasons.values()))
    if max_failed is None or n_failed < max_failed:
        return None
    listed = "; ".join(f"trial {', '.join(ids)}: {reason}" for reason, ids in reasons.items())
    return f"search.max_failed {max_failed}: {n_failed} trials have failed ({listed})"
