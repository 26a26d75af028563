"""The bounds of a study: the least score and the most parameters of a trial that counts."""

from __future__ import annotations

from collections.abc import Iterable

from search.study.trial_record import TrialRecord
from trainable.config import ObjectiveConfig


def least_score(objective: ObjectiveConfig, records: Iterable[TrialRecord]) -> float | None:
    """The score that ``min_score`` asks for; None without the bound, or before it is known.

    A part of Model 0's score is known once a Model 0 is completed; where several depths are
    searched, it is that of the Model 0 with the highest score.

    Args:
        records: the study's trials.
    """
    share = objective.share_of_model0
    if share is None:
        assert not isinstance(objective.min_score, str)
        return objective.min_score
    scores = [
        record.best_score
        for record in records
        if record.reference == "model0" and record.state == "completed"
    ]
    known = [score for score in scores if score is not None]
    return share * max(known) if known else None


def is_least_score_open(objective: ObjectiveConfig, records: Iterable[TrialRecord]) -> bool:
    """True while ``min_score`` waits for a Model 0 that has begun and not ended."""
    return objective.share_of_model0 is not None and any(
        record.reference == "model0" and record.state == "running" for record in records
    )


def score_shortfall(
    objective: ObjectiveConfig, score: float, records: Iterable[TrialRecord] = ()
) -> float | None:
    """Shortfall of ``score`` below ``min_score``; within the bound if <= 0, None without one.

    Args:
        records: the study's trials, for a bound that is a part of Model 0's score.
    """
    least = least_score(objective, records)
    return None if least is None else least - score


def size_excess(objective: ObjectiveConfig, n_mparams: float) -> float | None:
    """Millions of parameters above ``max_mparams``; within the bound if <= 0, None without one.

    Args:
        n_mparams: parameters in millions, counted as the objective asks.
    """
    return None if objective.max_mparams is None else n_mparams - objective.max_mparams


def is_within(excess: float | None) -> bool:
    """True if a shortfall or excess is 0 or less, or there is no bound."""
    return excess is None or excess <= 0
