"""Outlook of a study: the untried candidates, and their improvement by the surrogate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from search.study.bounds import least_score
from search.study.config import StudyConfig
from search.study.ranking import best_trial
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from search.suggest.algorithms import problem_of
from search.suggest.bounds import Bounds
from search.suggest.proposer import Suggested
from search.suggest.surrogate import Surrogate
from trainable.model_size import candidate_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Expected gain of the next trial of a study."""

    n_untried: int  # layouts and settings within the bounds; of a large space those of a sample
    improvement: float  # expected of the most promising one, as a part of the best objective


def study_outlook(
    config: StudyConfig, records: Sequence[TrialRecord], *, data: str
) -> Outlook | None:
    """Outlook after ``records``; None without a winner, without the data, or of another objective.

    The surrogate models the AUCC, whatever algorithm the study has; for objectives that are not
    made of it no share can be told.
    """
    best = best_trial(records, config.objective)
    if not config.objective.is_of_aucc or best is None or not best.objective:
        return None
    bounds = Bounds(config, data=data, size=candidate_size)
    surrogate = Surrogate(
        problem_of(config, bounds.size_of, lambda: least_score(config.objective, records))
    )
    history = [
        Suggested(
            point={},
            candidate=candidate_of(record.config, config.space),
            outcome="trained",
            trial=record,
        )
        for record in records
    ]
    untried = surrogate.untried(history)
    if not untried:
        return Outlook(n_untried=0, improvement=0.0)
    logs = exp(float(surrogate.log_worth(untried, records).max()))  # of the objective's logarithm
    return Outlook(n_untried=len(untried), improvement=exp(logs) - 1)
