"""Ranking of trials by objective, and the Pareto front of several objectives."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from search.study.bounds import is_within, least_score, size_excess
from search.study.trial_record import State, TrialRecord
from trainable.aucc import minimum_loss_point
from trainable.config import ObjectiveConfig
from trainable.objective import Progress, objective_values

_ORDER: dict[State, int] = {"completed": 0, "stopped": 1, "running": 2, "failed": 3}


def best_first(record: TrialRecord) -> tuple[int, bool, float]:
    """Sort key of trials for the eye: of the completed ones those come last that cannot win."""
    return _ORDER[record.state], not record.is_of_the_space, -record.gain


def comparable(records: Sequence[TrialRecord], objective: ObjectiveConfig) -> list[TrialRecord]:
    """Completed trials of the space within the study's bounds; a stopped one's area is not whole.

    Args:
        records: all of the study's trials: a bound may be a part of Model 0's score.
    """
    least = least_score(objective, records)
    return [
        record
        for record in records
        if record.state == "completed"
        and record.is_of_the_space
        and _within_bounds(record, objective, least)
    ]


def ranked(records: Sequence[TrialRecord], objective: ObjectiveConfig) -> list[TrialRecord]:
    """Comparable trials, the best objective first.

    Of equal ones, as where no model has learned anything yet, the one with the lowest
    validation loss is first, then the earlier one.
    """
    return sorted(comparable(records, objective), key=lambda record: rank_key(record, objective))


def rank_key(record: TrialRecord, objective: ObjectiveConfig) -> tuple[float, float, int]:
    """Sort key by which better trials come first."""
    loss = minimum_loss_point(record.curve).loss if record.curve else inf
    return -objective.gain(record.objective), loss, record.id


def best_trial(records: Sequence[TrialRecord], objective: ObjectiveConfig) -> TrialRecord | None:
    """First trial of the ranking, or None; of several objectives the first one decides."""
    return next(iter(ranked(records, objective)), None)


def pareto_front(records: Sequence[TrialRecord], objective: ObjectiveConfig) -> list[TrialRecord]:
    """Comparable trials that no other beats in all objectives, the best by the last one first.

    The objectives are those of a ``pareto`` study; of any other AUCC and parameters, so that
    its front is by rising parameters.
    """
    several = front_objective(objective)
    front: list[tuple[tuple[float, ...], TrialRecord]] = []
    # Whoever beats a trial stands before it in this order.
    for costs, _, record in sorted(
        (tuple(-gain for gain in reversed(front_gains(record, several))), record.id, record)
        for record in comparable(records, objective)
    ):
        if not any(all(map(float.__le__, best, costs)) for best, _ in front):
            front.append((costs, record))
    return [record for _, record in front]


def front_objective(objective: ObjectiveConfig) -> ObjectiveConfig:
    """The objectives of the study's front."""
    return objective if objective.is_pareto else objective.model_copy(update={"name": "pareto"})


def front_gains(record: TrialRecord, several: ObjectiveConfig) -> tuple[float, ...]:
    """Values of the objectives ``several`` of a front, signed so that higher is better."""
    progress = Progress(curve=record.curve, aucc=record.aucc or 0.0, counts=record.counts)
    values = objective_values(several, progress)
    return tuple(goal.gain(value) for goal, value in zip(several.goals, values, strict=True))


def _within_bounds(record: TrialRecord, objective: ObjectiveConfig, least: float | None) -> bool:
    excesses = (
        None if least is None else least - (record.best_score or 0.0),
        size_excess(objective, record.n_mparams),
    )
    return all(is_within(excess) for excess in excesses)
