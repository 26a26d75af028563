"""Totals of a study, recorded in MLflow when it ends."""

from __future__ import annotations

from collections.abc import Sequence

from search.study.ranking import best_trial
from search.study.trial_record import TrialRecord
from search.suggest.suggestion_counts import SuggestionCounts
from trainable.config import ObjectiveConfig


def study_totals(
    counts: SuggestionCounts, records: Sequence[TrialRecord], objective: ObjectiveConfig
) -> tuple[dict[str, float], dict[str, str]]:
    """Metrics and tags of the study's parent run in MLflow."""
    metrics = {
        "n_suggestions": float(counts.n_suggestions),
        "n_trained": float(counts.n_trained),
        "n_known": float(counts.n_repeated),
        "n_discarded": float(counts.n_discarded),
    }
    best = best_trial(records, objective)
    if best is None or best.objective is None or best.best_score is None:
        return metrics, {}
    metrics |= {"objective_final": best.objective, "score_best": best.best_score}
    return metrics, {
        "best_layout": best.canonical,
        "best_trial": str(best.id),
        "metric": best.metric,
    }
