"""What mattered: each axis' importance, and the effect of each of its values."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial

from search.report.reported_study import ReportedStudy
from search.stats.significance import welch

MIN_TRIALS = 10  # an importance from fewer says nothing
_MIN_BEST = 5  # trials that PED-ANOVA tells from the rest, by Optuna's advice
_BEST_PART = 0.1  # of all, where that is more

Scored = Sequence[tuple[FrozenTrial, float]]  # a suggestion and its trial's objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """How trials with one value of an axis differ from those with any other."""

    axis: str
    value: str
    n_with: int
    n_without: int
    ratio: float  # of the geometric means of the objective, less 1: 0.05 is 5 % above
    low: float | None  # of its interval; None below two trials a side
    high: float | None


def scored(study: ReportedStudy) -> Scored:
    """The compared trials by the suggestion each came of, as far as Optuna has it."""
    return [
        (suggestion, record.objective)
        for record in study.compared
        if record.objective is not None
        and (suggestion := study.suggestions.by_number.get(record.optuna_number)) is not None
    ]


def n_best(trials: Scored) -> int:
    """How many of the best trials the importances tell from the rest."""
    return max(_MIN_BEST, math.ceil(_BEST_PART * len(trials)))


def importances(trials: Scored) -> dict[str, float]:
    """Each searched axis' part in what tells the best trials from the rest, adding up to 1.

    PED-ANOVA, which can do with axes that not every trial was asked. Empty below
    ``MIN_TRIALS``, or where there is nothing to choose.
    """
    asked = defaultdict(set)
    for trial, _ in trials:
        for name, value in trial.params.items():
            asked[name].add(value)
    names = [name for name, values in asked.items() if len(values) > 1]
    if len(trials) < MIN_TRIALS or not names:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize")  # the evaluator takes less for better
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
    """The effect of every value of every axis, over the trials that were asked it."""
    by_axis: dict[str, list[tuple[object, float]]] = defaultdict(list)
    for trial, objective in trials:
        for name, value in trial.params.items():
            if objective > 0:
                by_axis[name].append((value, math.log(objective)))
    found = []
    for axis in sorted(by_axis):
        found += _effects_of(axis, by_axis[axis])
    return found


def _effects_of(axis: str, rows: Sequence[tuple[object, float]]) -> list[Effect]:
    values = list(dict.fromkeys(value for value, _ in rows))
    if len(values) < 2:
        return []
    if all(isinstance(value, float) for value in values) and len(values) > _MIN_BEST:
        return [_above_the_middle(axis, rows)]  # a range
    ordered = sorted(values, key=_place)
    told = ordered[1:] if len(ordered) == 2 else ordered  # of two, one is the other reversed
    return [
        _effect(
            axis,
            f"{value} against {ordered[0]}" if len(ordered) == 2 else str(value),
            [score for other, score in rows if other == value],
            [score for other, score in rows if other != value],
        )
        for value in told
    ]


def _place(value: object) -> tuple[float, str]:
    """Numbers by size, then words by letter."""
    return (math.inf, value) if isinstance(value, str) else (float(str(value)), "")


def _above_the_middle(axis: str, rows: Sequence[tuple[object, float]]) -> Effect:
    middle = median(float(str(value)) for value, _ in rows)
    return _effect(
        axis,
        f"above {middle:.3g} against below",
        [score for value, score in rows if float(str(value)) > middle],
        [score for value, score in rows if float(str(value)) <= middle],
    )


def _effect(axis: str, value: str, with_it: Sequence[float], without: Sequence[float]) -> Effect:
    told = welch(with_it, without)
    mean = sum(with_it) / len(with_it) - sum(without) / len(without)
    return Effect(
        axis=axis,
        value=value,
        n_with=len(with_it),
        n_without=len(without),
        ratio=math.exp(mean) - 1,
        low=None if told is None else math.exp(told.low) - 1,
        high=None if told is None else math.exp(told.high) - 1,
    )
