"""What a search maximises, computed from a curve and parameter counts."""

from __future__ import annotations

from spaces.counts import ParamCounts
from trainable.config import ObjectiveConfig, Parameters


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
