"""Progress of ``run`` and ``resume``: log lines, and a live line at a terminal."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from rich.live import Live
from rich.text import Text

from search.costs.units import human_seconds
from search.run.time_left import TimeLeft
from search.study.config import StudyConfig
from search.study.console import VisibleConsole
from search.study.ledger import Ledger
from search.study.ranking import best_trial
from search.study.trial_record import TrialRecord

logger = logging.getLogger(__name__)


class Progress:
    """Log of a study's events; at a terminal also a live line with the study's state."""

    def __init__(self, config: StudyConfig, ledger: Ledger) -> None:
        self._config = config
        self._ledger = ledger
        self._time_left = TimeLeft(config, ledger.records)
        console = VisibleConsole(stderr=True)
        is_live = console.is_terminal and logger.isEnabledFor(logging.INFO)
        self._live = Live(console=console, auto_refresh=False) if is_live else None

    def __getstate__(self) -> dict[str, Any]:
        return {}  # see Ledger

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def note(self, record: TrialRecord) -> None:
        """Log a trial's new state or point."""
        if self._live is None:
            logger.info("%s", _event(record))
            if record.state != "running":
                logger.info("%s", self._status())
            return
        self._live.console.print(_event(record), highlight=False, soft_wrap=True)
        self._live.update(Text(self._status(), style="bold"), refresh=True)

    def _status(self) -> str:
        states = Counter(record.state for record in self._ledger.records)
        n_ended = sum(states.values()) - states["running"]
        n_references = sum(record.reference is not None for record in self._ledger.records)
        parts = [f"{n_ended}/{self._config.search.n_trials + n_references} trials ended"]
        parts += [f"{states[s]} {s}" for s in ("completed", "stopped", "failed", "running")]
        best = best_trial(self._ledger.records, self._config.objective)
        if best is not None:
            parts.append(f"best: {best.canonical} {best.objective:.5g}")
        left_s = self._time_left.seconds(self._ledger.records)
        if left_s is not None:
            parts.append(f"about {human_seconds(left_s)} left")
        return " · ".join(parts)


def _event(record: TrialRecord) -> str:
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
    if record.reason:
        fields["reason"] = repr(record.reason)
    return " ".join(f"{name}={value}" for name, value in fields.items())
