"""Course of a replayed search: what it spent and what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from search.study.ranking import comparable
from search.study.trial_record import TrialRecord
from trainable.config import ObjectiveConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """State of a search after a validation of any of its trials."""

    seconds: float  # simulated time since the search's start
    n_updates: int  # updates of all trials, of stopped ones up to their stop
    n_trials: int  # trials begun
    best_objective: float | None  # best-so-far of the completed trials
    best_value: float | None  # mean over the replicates of that trial's candidate, as a gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A replayed search."""

    seed: int
    events: tuple[Event, ...]
    records: tuple[TrialRecord, ...]
    best_possible: float  # the highest gain of the table

    def reached(self, fraction: float) -> Event | None:
        """First event whose best trial's candidate is within ``fraction`` of the best, or None."""
        enough = self.best_possible - fraction * abs(self.best_possible)
        return next(
            (e for e in self.events if e.best_value is not None and e.best_value >= enough), None
        )

    def updates_until(self, fraction: float) -> int | None:
        """Updates spent until ``reached(fraction)``; None if the search never reached it."""
        event = self.reached(fraction)
        return None if event is None else event.n_updates

    @property
    def n_updates(self) -> int:
        """Updates that the whole search spent."""
        return self.events[-1].n_updates if self.events else 0

    @property
    def regret(self) -> float:
        """Final regret: shortfall of the winner's candidate, as a share of the best value."""
        last = self.events[-1].best_value if self.events else None
        return 1.0 if last is None else abs(1 - last / self.best_possible)


class Trace:
    """Listener of the ``Recorder`` that keeps an event for each new point of a trial.

    Args:
        values: the mean objective of each candidate, by key, as a gain: higher is better.
        now: the simulated time in seconds.
    """

    def __init__(
        self, objective: ObjectiveConfig, values: Mapping[str, float], now: Callable[[], float]
    ) -> None:
        self.events: list[Event] = []
        self._objective = objective
        self._values = values
        self._now = now
        self._updates: dict[int, int] = {}  # updates by trial
        self._n_updates = 0
        self._best: TrialRecord | None = None

    def note(self, record: TrialRecord) -> None:
        """Add an event if ``record`` has a new point."""
        before = self._updates.setdefault(record.id, 0)
        if not record.curve or record.curve[-1].updates == before:
            return  # the trial has begun, or failed
        self._updates[record.id] = record.curve[-1].updates
        self._n_updates += record.curve[-1].updates - before
        if comparable([record], self._objective) and self._is_best(record):
            self._best = record
        self.events.append(
            Event(
                seconds=self._now(),
                n_updates=self._n_updates,
                n_trials=len(self._updates),
                best_objective=None if self._best is None else self._best.objective,
                best_value=None if self._best is None else self._values.get(self._best.key),
            )
        )

    def _is_best(self, record: TrialRecord) -> bool:
        return self._best is None or record.gain > self._best.gain
