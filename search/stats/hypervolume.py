"""Hypervolume of a Pareto front: the part of the space of objectives that it dominates.

Our own, since Optuna's is private but for a plot of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from search.study.ranking import (
    comparable,
    front_gains,
    front_objective,
    pareto_front,
    rank_key,
)
from search.study.trial_record import TrialRecord
from trainable.config import ObjectiveConfig

Gains = tuple[float, ...]  # of two or three objectives, higher is better


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypervolume:
    """Hypervolume of a study's front, in the product of the objectives' units."""

    value: float
    model0: int | None  # id of the trial that is its reference; None: the worst values of all

    def __str__(self) -> str:
        if self.model0 is None:
            against = "the worst of all trials in each objective, as no Model 0 is completed"
        else:
            against = f"Model 0, trial {self.model0}"
        return f"hypervolume of the front {self.value:.5g}, against {against}"


def front_hypervolume(
    records: Sequence[TrialRecord], objective: ObjectiveConfig
) -> Hypervolume | None:
    """Hypervolume of the study's front against Model 0; None before a trial is completed.

    Without a completed Model 0 it is against the worst value of each objective. Where several
    depths have a Model 0, the best by the first objective is the reference.
    """
    trials = comparable(records, objective)
    if not trials:
        return None
    several = front_objective(objective)
    model0 = best_model0(records, objective)
    if model0 is None:
        gains = [front_gains(record, several) for record in trials]
        reference = tuple(min(column) for column in zip(*gains, strict=True))
    else:
        reference = front_gains(model0, several)
    front = [front_gains(record, several) for record in pareto_front(records, objective)]
    return Hypervolume(
        value=hypervolume(front, reference), model0=None if model0 is None else model0.id
    )


def best_model0(records: Sequence[TrialRecord], objective: ObjectiveConfig) -> TrialRecord | None:
    """The best completed trial whose encoder is of learned layers that share nothing.

    It may be a reference beside the search, or break a bound.
    """
    trials = [r for r in records if r.state == "completed" and set(r.canonical) == {"L"}]
    return min(trials, key=lambda record: rank_key(record, objective), default=None)


def hypervolume(points: Sequence[Gains], reference: Gains) -> float:
    """Volume of what ``points`` dominate above ``reference``, by slices along the last axis."""
    above = [p for p in points if all(a > b for a, b in zip(p, reference, strict=True))]
    if len(reference) == 1:
        return max((point[0] - reference[0] for point in above), default=0.0)
    above.sort(key=lambda point: -point[-1])
    floors = [*(point[-1] for point in above[1:]), reference[-1]]
    return sum(
        (point[-1] - floor) * hypervolume([p[:-1] for p in above[: n + 1]], reference[:-1])
        for n, (point, floor) in enumerate(zip(above, floors, strict=False))
        if point[-1] > floor
    )
