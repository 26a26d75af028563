"""The bounds of a study: the least score and the most parameters of a trial that counts."""

from __future__ import annotations

from trainable.config import ObjectiveConfig


def score_shortfall(objective: ObjectiveConfig, score: float) -> float | None:
    """Shortfall of ``score`` below ``min_score``; within the bound if <= 0, None without one."""
    return None if objective.min_score is None else objective.min_score - score


def size_excess(objective: ObjectiveConfig, n_mparams: float) -> float | None:
    """Millions of parameters above ``max_mparams``; within the bound if <= 0, None without one.

    Args:
        n_mparams: parameters in millions, counted as the objective asks.
    """
    return None if objective.max_mparams is None else n_mparams - objective.max_mparams


def is_within(excess: float | None) -> bool:
    """True if a shortfall or excess is 0 or less, or there is no bound."""
    return excess is None or excess <= 0
