"""Progress of a study's session: log lines, or a table in place at a terminal."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from rich.live import Live

from search.costs.units import human_seconds
from search.run.live_table import LiveTable
from search.run.time_left import TimeLeft
from search.study.config import StudyConfig
from search.study.console import live, shows_live
from search.study.ledger import Ledger
from search.study.ranking import best_trial
from search.study.trial_record import TrialRecord
from search.study.varied_settings import settings_texts

logger = logging.getLogger(__name__)


class Progress:
    """Log of a study's events; at a terminal a table of its trials in place of it."""

    def __init__(
        self,
        config: StudyConfig,
        ledger: Ledger,
        n_to_come: Callable[[], int],
        expected_s: float | None,
    ) -> None:
        """Begin a session.

        Args:
            config: the study.
            ledger: its trials.
            n_to_come: gives the number of trials that are not in the ledger yet, at most.
            expected_s: as of ``TimeLeft``.
        """
        self._config = config
        self._ledger = ledger
        self._n_to_come = n_to_come
        self._time_left = TimeLeft(config, ledger.records, expected_s)
        self._shown = ExitStack()
        self._live: Live | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {}  # see Ledger

    def __enter__(self) -> Progress:
        if shows_live():
            self._live = self._shown.enter_context(live(self._table()))
        return self

    def __exit__(self, *error: Any) -> None:
        self._shown.__exit__(*error)

    def note(self, record: TrialRecord) -> None:
        """Show a trial's new state or point."""
        if self._live is not None:
            self._live.update(self._table())
            return
        logger.info("%s", _event(self._config, record))
        if record.state != "running":
            logger.info("%s", self._status())

    def _table(self) -> LiveTable:
        records, n_to_come = tuple(self._ledger.records), self._n_to_come()
        left_s = self._time_left.seconds(records, n_to_come)
        return LiveTable(
            config=self._config,
            records=records,
            n_trials=len(records) + n_to_come,
            ends_at=None if left_s is None else time.monotonic() + left_s,
        )

    def _status(self) -> str:
        n_to_come = self._n_to_come()
        states = Counter(record.state for record in self._ledger.records)
        n_begun = states.total()
        parts = [f"{n_begun - states['running']}/{n_begun + n_to_come} trials ended"]
        parts += [f"{states[s]} {s}" for s in ("completed", "stopped", "failed", "running")]
        best = best_trial(self._ledger.records, self._config.objective)
        if best is not None:
            settings = settings_texts(self._config, best)
            parts.append(" ".join(["best:", best.canonical, *settings, f"{best.objective:.5g}"]))
        left_s = self._time_left.seconds(self._ledger.records, n_to_come)
        if left_s is not None:
            parts.append(f"about {human_seconds(left_s)} left")
        return " · ".join(parts)


def _event(config: StudyConfig, record: TrialRecord) -> str:
    """Log line of a trial's state and last point, as ``name=value`` fields."""
    fields: dict[str, object] = {"trial": record.id, "state": record.state}
    if record.curve:
        last = record.curve[-1]
        fields |= {
            "update": last.updates,
            "score": f"{last.score:.2f}",
            "aucc": f"{record.aucc:.6g}",
            "objective": f"{record.objective:.6g}",
            "tok_per_s": round(last.tokens / last.seconds),
        }
    fields["layout"] = record.canonical
    parts = [f"{name}={value}" for name, value in fields.items()]
    parts += settings_texts(config, record)
    if record.reason:
        parts.append(f"reason={record.reason!r}")
    return " ".join(parts)
