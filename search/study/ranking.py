"""Which trials are best, and which lie on the front of AUCC against parameters."""

from __future__ import annotations

from collections.abc import Sequence

from search.study.bounds import is_within, score_shortfall, size_excess
from search.study.trial_record import TrialRecord
from trainable.config import ObjectiveConfig
from trainable.objective import mparams


def comparable(records: Sequence[TrialRecord], objective: ObjectiveConfig) -> list[TrialRecord]:
    """Completed trials within the study's bounds: only these have a whole area."""
    return [
        record
        for record in records
        if record.state == "completed" and _within_bounds(record, objective)
    ]


def ranked(records: Sequence[TrialRecord], objective: ObjectiveConfig) -> list[TrialRecord]:
    """The comparable trials, the highest objective first; of equals the earlier one."""
    return sorted(
        comparable(records, objective), key=lambda record: (-(record.objective or 0.0), record.id)
    )


def best_trial(records: Sequence[TrialRecord], objective: ObjectiveConfig) -> TrialRecord | None:
    """The completed trial with the highest objective; of a ``pareto`` study, the highest AUCC."""
    return next(iter(ranked(records, objective)), None)


def pareto_front(records: Sequence[TrialRecord], objective: ObjectiveConfig) -> list[TrialRecord]:
    """Trials that no other beats in both AUCC and parameters, by rising parameters."""
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


def _within_bounds(record: TrialRecord, objective: ObjectiveConfig) -> bool:
    excesses = (
        score_shortfall(objective, record.best_score or 0.0),
        size_excess(objective, record.n_mparams),
    )
    return all(is_within(excess) for excess in excesses)
