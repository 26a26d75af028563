"""The warm-up of a study's trials, and the grace that lets it end."""

from __future__ import annotations

from spaces.axes import Range
from spaces.space import SearchSpace
from trainable.config import Clock, TrainConfig


def longest_warm_up(space: SearchSpace, train: TrainConfig) -> float:
    """Most updates of warm-up that a trial can have: ``[space.hyper]`` may search it."""
    axis = space.hyper.get("train.warmup_updates")
    if axis is None:
        return train.warmup_updates
    if isinstance(axis, Range):
        return axis.high
    return max(float(value) for value in axis)


def default_grace(clock: Clock, budget: float, *, warm_up: float, forecasts: bool) -> float:
    """Grace of a scheduler whose study gives none: half of the budget, and all the warm-up.

    One that ``forecasts`` may begin at a quarter: it knows how little a young curve tells. The
    warm-up is in updates, so it counts on that clock alone, and where it ends in the budget.
    """
    share = budget / 4 if forecasts else budget / 2
    return max(share, warm_up) if clock == "updates" and warm_up < budget else share
