"""Ranking of trials by objective, and the Pareto front of AUCC against parameters."""

from __future__ import annotations

from collections.abc import Sequence

from search.study.bounds import is_within, least_score, size_excess
from search.study.trial_record import TrialRecord
from trainable.config import ObjectiveConfig
from trainable.objective import mparams


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
    """Comparable trials, the highest objective first; of equal ones the earlier first."""
    return sorted(
        comparable(records, objective), key=lambda record: (-(record.objective or 0.0), record.id)
    )


def best_trial(records: Sequence[TrialRecord], objective: ObjectiveConfig) -> TrialRecord | None:
    """First trial of the ranking, or None; in a ``pareto`` study the one with the highest AUCC."""
    return next(iter(ranked(records, objective)), None)


def pareto_front(records: Sequence[TrialRecord], objective: ObjectiveConfig) -> list[TrialRecord]:
    """Pareto front of AUCC (higher is better) and parameters (fewer), by rising parameters."""
    front: list[TrialRecord] = []
    best = float("-inf")
    for record in sorted(
        comparable(records, objective),
        key=lambda r: (mparams(r.counts, objective.parameters), -(r.aucc or 0.0), r.id),
    ):
        if (record.aucc or 0.0) > best:
            front.append(record)
            best = record.aucc or 0.0
    return front


def _within_bounds(record: TrialRecord, objective: ObjectiveConfig, least: float | None) -> bool:
    excesses = (
        None if least is None else least - (record.best_score or 0.0),
        size_excess(objective, record.n_mparams),
    )
    return all(is_within(excess) for excess in excesses)
