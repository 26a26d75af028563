"""AUCC, the area under the convergence curve, and the other readings of a curve."""

from __future__ import annotations

from collections.abc import Sequence

from trainable.config import Clock
from trainable.curve import Point

# The paper's axis is minutes; the other clocks keep their own unit.
UNITS: dict[Clock, tuple[str, float]] = {
    "seconds": ("minutes", 60.0),
    "updates": ("updates", 1.0),
    "tokens": ("tokens", 1.0),
    "flops": ("FLOPs", 1.0),
}


def aucc_unit(metric: str, clock: Clock) -> str:
    """The unit of AUCC for a score by ``metric``."""
    return f"{metric} × {UNITS[clock][0]}"


def aucc(curve: Sequence[Point], *, clock: Clock, horizon: float, hold_last: bool) -> float:
    """Area under the convergence curve from 0 to ``horizon``.

    Trapezoids, starting at (0, 0). A curve that crosses the horizon between two
    points is cut there.

    Args:
        curve: points in clock order.
        clock: the axis.
        horizon: the same for every trial being compared, in the clock's own unit
            (seconds for ``seconds``).
        hold_last: whether the last score counts from the last point to the horizon:
            true only for a trial that ended by its own budget.

    Returns:
        Score x clock unit, where the unit of ``seconds`` is the minute, as in the paper.

    Raises:
        ValueError: ``horizon`` is not positive, or the clock does not increase.

    Source:
        Area under the convergence curve, Shen et al. 2021 (arXiv:2012.15045), section 3.
    """
    if not horizon > 0:
        raise ValueError(f"horizon {horizon} must be positive")
    area, time, score = 0.0, 0.0, 0.0
    for point in curve:
        reading = point.at(clock)
        if reading <= time:
            raise ValueError(f"the clock '{clock}' does not increase: {reading} after {time}")
        if reading >= horizon:
            at_horizon = score + (point.score - score) * (horizon - time) / (reading - time)
            return (area + (horizon - time) * (score + at_horizon) / 2) / UNITS[clock][1]
        area += (reading - time) * (score + point.score) / 2
        time, score = reading, point.score
    if hold_last:
        area += (horizon - time) * score
    return area / UNITS[clock][1]


def score_at(curve: Sequence[Point], *, clock: Clock, reading: float) -> float:
    """Score of the curve at ``reading`` of the clock, linear between points and from (0, 0).

    Beyond the last point it is the last score.
    """
    time, score = 0.0, 0.0
    for point in curve:
        if point.at(clock) >= reading:
            share = (reading - time) / (point.at(clock) - time)
            return score + (point.score - score) * share
        time, score = point.at(clock), point.score
    return score


def best_point(curve: Sequence[Point]) -> Point:
    """The first point with the highest score; its clock readings are the time to best."""
    return max(curve, key=lambda point: point.score)


def minimum_loss_point(curve: Sequence[Point]) -> Point:
    """The first point with the lowest validation loss."""
    return min(curve, key=lambda point: point.loss)
