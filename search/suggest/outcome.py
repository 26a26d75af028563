"""Outcome of a trial in Optuna's terms: state and values."""

from __future__ import annotations

from typing import Any

from optuna.trial import TrialState

from search.study.trial_record import TrialRecord
from search.suggest.suggestion_marks import DECODER, LAYOUT, RUN, SCORE, TRIAL


def outcome_of(record: TrialRecord) -> tuple[TrialState, list[float] | None]:
    """Final state and values of the Optuna trial behind ``record``; None without values.

    A stopped trial is pruned: its area is not comparable to that of a trial which ran to the
    horizon. With several objectives Optuna has no pruning, so it fails.
    """
    several = record.config.objective.is_pareto
    if record.state == "completed" and record.aucc is not None and record.objective is not None:
        return TrialState.COMPLETE, list(record.objectives) if several else [record.objective]
    if record.state == "stopped" and not several:
        return TrialState.PRUNED, None
    return TrialState.FAIL, None


def attributes_of(record: TrialRecord) -> dict[str, Any]:
    """User attributes by which Optuna's dashboard and plots name the trial; none is unknown."""
    values = {
        TRIAL: record.id,
        LAYOUT: record.canonical,
        DECODER: str(record.decoder) or None,
        SCORE: record.best_score,
        RUN: record.mlflow_run_id,
    }
    return {name: value for name, value in values.items() if value is not None}
