"""The objective of a search, from the area under the curve and parameter counts."""

from __future__ import annotations

from spaces.counts import ParamCounts
from trainable.config import ObjectiveConfig, Parameters


def mparams(counts: ParamCounts, parameters: Parameters) -> float:
    """Number of the parameters selected by ``parameters``, in millions."""
    n_params: int = getattr(counts, parameters)
    return n_params / 1e6


def objective_value(config: ObjectiveConfig, area: float, counts: ParamCounts) -> float:
    """Value of the objective: AUCC per million parameters, or AUCC.

    For ``pareto`` it is AUCC too; the other objective of the front is the parameter count.
    """
    if config.name == "aucc_per_mparam":
        return area / mparams(counts, config.parameters)
    return area
