"""What a search maximises, computed from a curve and parameter counts."""

from __future__ import annotations

from collections.abc import Sequence

from spaces.counts import ParamCounts
from trainable.aucc import aucc
from trainable.config import ObjectiveConfig, Parameters
from trainable.curve import Point


def mparams(counts: ParamCounts, parameters: Parameters) -> float:
    """The parameters that ``parameters`` names, in millions."""
    n_params: int = getattr(counts, parameters)
    return n_params / 1e6


def objective_value(config: ObjectiveConfig, area: float, counts: ParamCounts) -> float:
    """AUCC per million parameters, or AUCC alone where the objective asks for it.

    For ``pareto`` it is AUCC too: the other side of the front is the parameter count.
    """
    if config.name == "aucc_per_mparam":
        return area / mparams(counts, config.parameters)
    return area


def objectives_so_far(
    curve: Sequence[Point], config: ObjectiveConfig, *, horizon: float, counts: ParamCounts
) -> list[float]:
    """The objective as it stood at each point, while the trial was under way."""
    return [
        objective_value(
            config,
            aucc(curve[:n_points], clock=config.clock, horizon=horizon, hold_last=False),
            counts,
        )
        for n_points in range(1, len(curve) + 1)
    ]
