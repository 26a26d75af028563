"""Effect of each value of each axis on the objective, at equal depth."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from scipy import stats

from search.report.importances import DEPTH
from search.report.scored_trials import ScoredTrial, axes_of, is_range, values_of
from search.stats.significance import SIGNIFICANCE, welch

Rows = Sequence[tuple[object, float, int]]  # a trial's value of an axis, its measure, its depth


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Difference of the objective between trials with a value and all others.

    Relative (ratio of geometric means minus 1: 0.05 is 5 % above) where no objective is
    negative, else in the objective's unit.
    """

    axis: str
    value: str
    n_with: int
    n_without: int
    ratio: float
    low: float | None  # 95 % confidence interval; None with too few trials
    high: float | None


def is_relative(trials: Sequence[ScoredTrial]) -> bool:
    """True if effects are ratios: no objective is negative."""
    return all(trial.objective >= 0 for trial in trials)


def effects(trials: Sequence[ScoredTrial]) -> list[Effect]:
    """Effect of every value of every axis, over the trials that have the axis.

    Depths are compared over all trials. Values of other axes are compared at equal depth:
    depths where only one side has trials are left out. Relative effects are computed with the
    logarithm of the objective, without trials of objective 0.
    """
    relative = is_relative(trials)
    used = [trial for trial in trials if trial.objective > 0] if relative else list(trials)
    found = []
    for axis in axes_of(used):
        having = [trial for trial in used if axis in trial.params]
        rows = [
            (
                trial.params[axis],
                math.log(trial.objective) if relative else trial.objective,
                0 if axis == DEPTH else trial.depth,
            )
            for trial in having
        ]
        found += _effects_of(
            axis, values_of(having, axis), rows, relative=relative, cut=is_range(having, axis)
        )
    return found


def _effects_of(
    axis: str, values: Sequence[object], rows: Rows, *, relative: bool, cut: bool
) -> list[Effect]:
    if cut:
        threshold = median(float(str(value)) for value, _, _ in rows)
        above = [(float(str(value)) > threshold, y, depth) for value, y, depth in rows]
        words = f"above {threshold:.3g} against below"
        return _known([_effect(axis, words, True, above, relative=relative)])
    # Of two values, the second effect would be the first one reversed.
    compared = values[1:] if len(values) == 2 else values
    against = f" against {values[0]}" if len(values) == 2 else ""
    return _known(
        [_effect(axis, f"{value}{against}", value, rows, relative=relative) for value in compared]
    )


def _known(found: Sequence[Effect | None]) -> list[Effect]:
    return [effect for effect in found if effect is not None]


def _effect(axis: str, words: str, value: object, rows: Rows, *, relative: bool) -> Effect | None:
    """Effect of ``value``; None if no depth has trials on both sides."""
    by_depth: dict[int, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for other, y, depth in rows:
        by_depth[depth][0 if other == value else 1].append(y)
    strata = [(with_it, without) for with_it, without in by_depth.values() if with_it and without]
    if not strata:
        return None
    difference, half = _stratified(strata)
    low, high = (None, None) if half is None else (difference - half, difference + half)
    if len(strata) == 1 and (comparison := welch(*strata[0])) is not None:
        low, high = comparison.low, comparison.high
    return Effect(
        axis=axis,
        value=words,
        n_with=sum(len(with_it) for with_it, _ in strata),
        n_without=sum(len(without) for _, without in strata),
        ratio=math.expm1(difference) if relative else difference,
        low=None if low is None else math.expm1(low) if relative else low,
        high=None if high is None else math.expm1(high) if relative else high,
    )


def _stratified(
    strata: Sequence[tuple[Sequence[float], Sequence[float]]],
) -> tuple[float, float | None]:
    """Difference at equal depth, and half its confidence interval; None without any noise known.

    It is the coefficient of least squares with a mean for each depth: the differences within
    depths, each weighted by the harmonic mean of its two numbers of trials.
    """
    weights = [len(a) * len(b) / (len(a) + len(b)) for a, b in strata]
    differences = [fmean(a) - fmean(b) for a, b in strata]
    total = sum(weights)
    difference = sum(w * d for w, d in zip(weights, differences, strict=True)) / total
    n_degrees = sum(len(a) + len(b) for a, b in strata) - len(strata) - 1
    if n_degrees < 1:
        return difference, None
    squares = sum((y - fmean(side)) ** 2 for stratum in strata for side in stratum for y in side)
    squares += sum(w * (d - difference) ** 2 for w, d in zip(weights, differences, strict=True))
    quantile = float(stats.t.ppf(1 - SIGNIFICANCE / 2, n_degrees))
    return difference, quantile * math.sqrt(squares / n_degrees / total)
