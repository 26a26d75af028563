"""Totals of a study, recorded in MLflow when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from search.stats.hypervolume import front_hypervolume
from search.study.config import StudyConfig
from search.study.ranking import best_trial
from search.study.references import Model0s, aucc_ratio, references_of
from search.study.trial_record import TrialRecord
from search.study.winner_standing import winner_standing
from search.suggest.space_sizes import sized_in_space
from search.suggest.suggestion_counts import SuggestionCounts

OF_WINNER = "winner_aucc_over_deletion"
OF_BEST = "best_with_reservoirs_aucc_over_deletion"


def study_totals(
    counts: SuggestionCounts, records: Sequence[TrialRecord], config: StudyConfig, *, data: str
) -> tuple[dict[str, float], dict[str, str]]:
    """Metrics and tags of the study's parent run in MLflow.

    Args:
        data: the study's prepared data.
    """
    metrics = {
        "n_suggestions": float(counts.n_suggestions),
        "n_trained": float(counts.n_trained),
        "n_known": float(counts.n_repeated),
        "n_discarded": float(counts.n_discarded),
    }
    best = best_trial(records, config.objective)
    if best is None or best.objective is None or best.best_score is None:
        return metrics, {}
    metrics |= {"objective_final": best.objective, "score_best": best.best_score}
    metrics |= _ratios(records, best, config)
    volume = front_hypervolume(records, config.objective) if config.objective.is_pareto else None
    if volume is not None:
        metrics["hypervolume"] = volume.value
    standing = winner_standing(
        records, config.objective, data=data, in_space=partial(sized_in_space, config, data)
    )
    return metrics, {
        "best_layout": best.canonical,
        "best_trial": str(best.id),
        "metric": best.metric,
        "standing": " ".join([] if standing is None else standing.sentences()),
    }


def _ratios(
    records: Sequence[TrialRecord], best: TrialRecord, config: StudyConfig
) -> dict[str, float]:
    """AUCC of the winner over Model 0's, and that of a layout with reservoirs over its deletion's.

    The layout is the winner if it has reservoirs, else the best one with some.
    """
    references = references_of(config, records)
    found = {"winner_aucc_over_model0": Model0s.of(config, records).aucc_ratio(best)}
    for each in references:
        having = next((record for record in records if record.id == each.of), None)
        if having is not None:
            is_winner = having.id == best.id
            found[OF_WINNER if is_winner else OF_BEST] = aucc_ratio(having, each.trial)
    return {name: ratio for name, ratio in found.items() if ratio is not None}
