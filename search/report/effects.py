"""Importance of each axis of the space, and the effect of each of its values."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial

from search.report.reported_study import ReportedStudy
from search.stats.significance import welch

MIN_TRIALS = 10  # importances from fewer trials are noise
_MIN_BEST = 5  # least number of best trials for PED-ANOVA, as Optuna advises
_BEST_PART = 0.1  # share of all trials, where that is more

Scored = Sequence[tuple[FrozenTrial, float]]  # a suggestion and its trial's objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Relative difference of the objective between trials with a value and all others."""

    axis: str
    value: str
    n_with: int
    n_without: int
    ratio: float  # ratio of geometric means minus 1: 0.05 is 5 % above
    low: float | None  # 95 % confidence interval; None below two trials on a side
    high: float | None


def scored(study: ReportedStudy) -> Scored:
    """Compared trials with an objective, each with its suggestion in Optuna's journal."""
    return [
        (suggestion, record.objective)
        for record in study.compared
        if record.objective is not None
        and record.optuna_number is not None
        and (suggestion := study.suggestions.by_number.get(record.optuna_number)) is not None
    ]


def n_best(trials: Scored) -> int:
    """Number of best trials that PED-ANOVA compares with the rest."""
    return max(_MIN_BEST, math.ceil(_BEST_PART * len(trials)))


def importances(trials: Scored) -> dict[str, float]:
    """Importance of each axis by PED-ANOVA, most important first; they add up to 1.

    PED-ANOVA works with conditional axes, which not every trial has. Empty below
    ``MIN_TRIALS`` trials, and if the trials differ in no axis.

    Source:
        Watanabe et al. 2023 (arXiv:2304.10255), PED-ANOVA, as in Optuna.
    """
    values_of = defaultdict(set)
    for trial, _ in trials:
        for name, value in trial.params.items():
            values_of[name].add(value)
    names = [name for name, values in values_of.items() if len(values) > 1]
    if len(trials) < MIN_TRIALS or not names:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # The evaluator takes smaller values as better.
    study = optuna.create_study(direction="minimize")
    study.add_trials(
        optuna.trial.create_trial(
            params=trial.params, distributions=trial.distributions, value=-objective
        )
        for trial, objective in trials
    )
    return get_param_importances(
        study,
        evaluator=PedAnovaImportanceEvaluator(target_quantile=n_best(trials) / len(trials)),
        params=names,
    )


def effects(trials: Scored) -> list[Effect]:
    """Effect of every value of every axis, over the trials that have the axis.

    Computed with the logarithm of the objective; trials with objective 0 are left out.
    """
    by_axis: dict[str, list[tuple[object, float]]] = defaultdict(list)
    ranges = set()
    for trial, objective in trials:
        for name, value in trial.params.items():
            if objective > 0:
                by_axis[name].append((value, math.log(objective)))
            if not isinstance(trial.distributions[name], CategoricalDistribution):
                ranges.add(name)
    found = []
    for axis in sorted(by_axis):
        found += _effects_of(axis, by_axis[axis], is_range=axis in ranges)
    return found


def _effects_of(axis: str, rows: Sequence[tuple[object, float]], *, is_range: bool) -> list[Effect]:
    values = list(dict.fromkeys(value for value, _ in rows))
    if len(values) < 2:
        return []
    if is_range and len(values) > _MIN_BEST:
        return [_above_median(axis, rows)]
    ordered = sorted(values, key=_place)
    # Of two values, the second effect would be the first one reversed.
    compared = ordered[1:] if len(ordered) == 2 else ordered
    return [
        _effect(
            axis,
            f"{value} against {ordered[0]}" if len(ordered) == 2 else str(value),
            [score for other, score in rows if other == value],
            [score for other, score in rows if other != value],
        )
        for value in compared
    ]


def _place(value: object) -> tuple[float, str]:
    """Sort key: numbers by size, then words by letter."""
    return (math.inf, value) if isinstance(value, str) else (float(str(value)), "")


def _above_median(axis: str, rows: Sequence[tuple[object, float]]) -> Effect:
    threshold = median(float(str(value)) for value, _ in rows)
    return _effect(
        axis,
        f"above {threshold:.3g} against below",
        [score for value, score in rows if float(str(value)) > threshold],
        [score for value, score in rows if float(str(value)) <= threshold],
    )


def _effect(axis: str, value: str, with_it: Sequence[float], without: Sequence[float]) -> Effect:
    comparison = welch(with_it, without)
    difference = sum(with_it) / len(with_it) - sum(without) / len(without)
    return Effect(
        axis=axis,
        value=value,
        n_with=len(with_it),
        n_without=len(without),
        ratio=math.exp(difference) - 1,
        low=None if comparison is None else math.exp(comparison.low) - 1,
        high=None if comparison is None else math.exp(comparison.high) - 1,
    )
