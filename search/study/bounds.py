"""The bounds of a study: the least score and the most parameters of a trial that counts."""

from __future__ import annotations

from trainable.config import ObjectiveConfig


def score_shortfall(objective: ObjectiveConfig, score: float) -> float | None:
    """By how much ``score`` is below ``min_score``: 0 or less is within; None without a bound."""
    return None if objective.min_score is None else objective.min_score - score


def size_excess(objective: ObjectiveConfig, n_mparams: float) -> float | None:
    """By how much a model is over ``max_mparams``: 0 or less is within; None without a bound.

    Args:
        n_mparams: parameters in millions, counted as the objective asks.
    """
    return None if objective.max_mparams is None else n_mparams - objective.max_mparams


def is_within(excess: float | None) -> bool:
    """Whether a shortfall or excess leaves its bound unbroken, or there is none."""
    return excess is None or excess <= 0
