"""Rules between the tables of a study file; each fault is a line that begins with its key."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from spaces.axes import Range
from spaces.faults import did_you_mean, rules_of
from spaces.space import SearchSpace
from trainable.config import Budget, Clock, ModelConfig, ObjectiveConfig, Section, TrainConfig

# [space.hyper] may name dotted paths into these tables.
SEARCHABLE: dict[str, type[Section]] = {"model": ModelConfig, "train": TrainConfig}
# Fields of [model] that the space decides, and the axes that decide them.
_DECIDING_AXES = {
    "encoder": "space.depth and space.interleaving, or space.encoder",
    "decoder": "space.decoder_depth or space.decoder",
    "reservoir_gain": "space.reservoir_gain",
}
SEARCHED_FIELDS = set(_DECIDING_AXES)


def layout_faults(model: ModelConfig) -> list[str]:
    """Faults of ``[model]``: settings that the search decides."""
    return [
        f"model.{name} is what the study searches; give {_DECIDING_AXES[name]}"
        for name in sorted(model.model_fields_set & SEARCHED_FIELDS)
    ]


def horizon_faults(
    budget: Budget, full_budget: Budget | None, objective: ObjectiveConfig
) -> list[str]:
    """Faults of budgets: none is given on the objective's clock."""
    faults = []
    clock = objective.clock
    if budget.on(clock) is None:
        faults.append(
            f"objective.clock is '{clock}', so budget.{clock} must be given: "
            "it is the horizon of the area"
        )
    if full_budget is not None and full_budget.on(clock) is None:
        faults.append(f"objective.clock is '{clock}', so full_budget.{clock} must be given")
    horizon = budget.on(clock)
    if objective.at is not None and horizon is not None and objective.at > horizon:
        faults.append(f"objective.at {objective.at:g} must be at most budget.{clock} {horizon:g}")
    return faults


def reference_faults(objective: ObjectiveConfig, *, references: bool) -> list[str]:
    """Faults of a bound that is a part of Model 0's score, where no Model 0 is trained."""
    if objective.share_of_model0 is None or references:
        return []
    rule = "needs Model 0, and search.references is false; set it to true, or give a number"
    return [f"objective.min_score '{objective.min_score}' {rule}"]


def hyper_faults(space: SearchSpace, model: ModelConfig, train: TrainConfig) -> list[str]:
    """Faults of ``[space.hyper]``: unknown settings, and values that a setting cannot have."""
    given = {"model": model.model_dump(), "train": train.model_dump()}
    known = {
        f"{table}.{field}"
        for table, kind in SEARCHABLE.items()
        for field in kind.model_fields.keys() - SEARCHED_FIELDS
    }
    faults = [
        f"space.hyper: '{name}' is no setting of a trial"
        + (did_you_mean(name, known) or f"; one of {', '.join(sorted(known))}")
        for name in space.hyper
        if name not in known
    ]
    is_alone = len(space.hyper) == 1
    for name, axis in space.hyper.items():
        if name in known:
            values = (axis.low, axis.high) if isinstance(axis, Range) else axis
            for value in values:
                faults += _value_faults(name, value, given, is_alone=is_alone)
    return faults


def _value_faults(
    name: str, value: object, given: dict[str, dict[str, Any]], *, is_alone: bool
) -> list[str]:
    """Faults of one value of a hyper-parameter, whatever the others are."""
    table, _, field = name.partition(".")
    kind = SEARCHABLE[table]
    try:
        kind.model_validate(given[table] | {field: value})
    except ValidationError as error:
        return [
            f"space.hyper: {name} {value!r}: {rule}"
            for fault in error.errors()
            # A rule over several settings may hold with other values of the others.
            if fault["loc"] or is_alone
            for rule in rules_of(fault, kind)
        ]
    return []


def scheduler_faults(
    name: str, clock: Clock, grace: float | None, *, objective: ObjectiveConfig, budget: Budget
) -> list[str]:
    """Faults that keep a scheduler from comparing trials at rungs of ``clock``."""
    if name == "none":
        return []
    faults = []
    if objective.is_pareto:
        faults.append(
            f"scheduler.name '{name}' compares one number, and objective.name "
            "'pareto' has several; set scheduler.name = \"none\""
        )
    elif name == "extrapolation" and not objective.is_of_aucc:
        faults.append(
            f"scheduler.name 'extrapolation' forecasts the AUCC, and objective.name is "
            f"'{objective.name}'; use asha, median or none"
        )
    horizon = budget.on(clock)
    if horizon is None:
        faults.append(f"scheduler.clock is '{clock}', so budget.{clock} must be given")
    elif grace is not None and grace >= horizon:
        faults.append(f"scheduler.grace {grace} must be below budget.{clock} {horizon}")
    return faults


def algorithm_faults(
    algorithm: str, n_startup: int, *, space: SearchSpace, objective: ObjectiveConfig
) -> list[str]:
    """Faults that keep an algorithm from searching the space for the objective."""
    axes = space.continuous_axes()
    faults = []
    if algorithm == "nsga2" and n_startup < 2:
        faults.append("search.n_startup is nsga2's population; give 2 or more")
    if algorithm == "grid" and axes:
        faults.append(
            f"search.algorithm 'grid' needs lists of values; {', '.join(axes)} is a range"
        )
    if algorithm == "cmaes" and len(axes) < 2:
        faults.append("search.algorithm 'cmaes' needs at least two ranges {low, high}; use tpe")
    if algorithm == "cmaes" and objective.is_pareto:
        faults.append(
            "search.algorithm 'cmaes' has one objective; use surrogate, nsga2 or tpe for 'pareto'"
        )
    return faults
