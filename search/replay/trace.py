"""How a replayed search came to what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from search.study.ranking import comparable
from search.study.trial_record import TrialRecord
from trainable.config import ObjectiveConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Where a search stood after a validation of any of its trials."""

    seconds: float  # simulated, from the search's start
    n_updates: int  # of all trials, stopped ones to where they stopped
    n_trials: int  # begun
    best_objective: float | None  # of the completed trials, as the search saw it
    best_value: float | None  # of the same trial's candidate: its mean over replicates


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A replayed search."""

    seed: int
    events: tuple[Event, ...]
    records: tuple[TrialRecord, ...]
    best_possible: float  # the highest value of the table

    def reached(self, fraction: float) -> Event | None:
        """The first event whose best trial's candidate is within ``fraction`` of the best."""
        enough = (1 - fraction) * self.best_possible
        return next((e for e in self.events if (e.best_value or 0.0) >= enough), None)

    def updates_until(self, fraction: float) -> int | None:
        """The updates spent until then; None if the search never came so far."""
        event = self.reached(fraction)
        return None if event is None else event.n_updates

    @property
    def n_updates(self) -> int:
        """What the whole search spent."""
        return self.events[-1].n_updates if self.events else 0

    @property
    def regret(self) -> float:
        """How far the winner's candidate is below the best, as a share of the best."""
        last = self.events[-1].best_value if self.events else None
        return 1.0 if last is None else 1 - last / self.best_possible


class Trace:
    """Listens to the recorder and takes an event for each new point of a trial."""

    def __init__(
        self, objective: ObjectiveConfig, values: Mapping[str, float], now: Callable[[], float]
    ) -> None:
        self.events: list[Event] = []
        self._objective = objective
        self._values = values
        self._now = now
        self._updates: dict[int, int] = {}  # by trial
        self._n_updates = 0
        self._best: TrialRecord | None = None

    def note(self, record: TrialRecord) -> None:
        before = self._updates.setdefault(record.id, 0)
        if not record.curve or record.curve[-1].updates == before:
            return  # it has begun, or failed
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
        return self._best is None or (record.objective or 0.0) > (self._best.objective or 0.0)
