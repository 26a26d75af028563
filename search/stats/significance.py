"""Significance tests and intervals of means over seeds: Welch, Holm, power."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy import stats

SIGNIFICANCE = 0.05  # level, two-sided, of all comparisons together
POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Mean over seeds with its standard deviation and confidence interval."""

    mean: float
    deviation: float | None  # sample standard deviation; None for one value
    low: float | None  # ends of the confidence interval; None for one value
    high: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """Mean of ``values`` with Student's t interval.

        Raises:
            StatisticsError: there is no value.
        """
        mean = fmean(values)
        if len(values) < 2:
            return cls(mean=mean, deviation=None, low=None, high=None)
        deviation = stdev(values)
        quantile = stats.t.ppf(1 - SIGNIFICANCE / 2, len(values) - 1)
        half = quantile * deviation / math.sqrt(len(values))
        return cls(mean=mean, deviation=deviation, low=mean - half, high=mean + half)

    def __str__(self) -> str:
        """Mean ± standard deviation, rounded to the latter's second digit, but not beyond units."""
        if not self.deviation:
            mean = f"{self.mean:.5g}" if abs(self.mean) < 1e5 else f"{self.mean:,.0f}"
            return mean if self.deviation is None else f"{mean} ± 0"
        n_decimals = max(0, 1 - math.floor(math.log10(self.deviation)))
        return f"{self.mean:,.{n_decimals}f} ± {self.deviation:,.{n_decimals}f}"


def pooled_deviation(*intervals: Interval) -> float | None:
    """Pooled standard deviation of groups of equal size; None if one has a single value."""
    known = [interval.deviation for interval in intervals if interval.deviation is not None]
    if len(known) < len(intervals):
        return None
    return math.sqrt(fmean(deviation**2 for deviation in known))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Difference between the means of two groups."""

    difference: float
    low: float  # ends of the difference's confidence interval
    high: float
    p: float  # two-sided p-value, not adjusted for other comparisons


def welch(values: Sequence[float], others: Sequence[float]) -> Comparison | None:
    """Welch's t-test of ``values`` against ``others``; None if a group has under two values.

    If no group varies at all, p is 0 for different means and 1 for equal ones.

    Source:
        B. L. Welch (1947), The generalization of "Student's" problem when several
        different population variances are involved.
    """
    if min(len(values), len(others)) < 2:
        return None
    difference = fmean(values) - fmean(others)
    if stdev(values) == stdev(others) == 0.0:
        p = float(difference == 0.0)
        return Comparison(difference=difference, low=difference, high=difference, p=p)
    test = stats.ttest_ind(values, others, equal_var=False)
    interval = test.confidence_interval(1 - SIGNIFICANCE)
    return Comparison(
        difference=difference,
        low=float(interval.low),
        high=float(interval.high),
        p=float(test.pvalue),
    )


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's adjustment of the p-values of several comparisons, in their order.

    Source:
        S. Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    adjusted = [0.0] * len(ps)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted


def seeds_to_see(
    difference: float,
    *,
    deviation: float,
    significance: float = SIGNIFICANCE,
    is_paired: bool = False,
) -> int:
    """Number of seeds per group that a two-sided t-test needs to detect ``difference``.

    At the level ``significance`` and with power ``POWER``, that of the noncentral t distribution.

    Args:
        deviation: standard deviation of each group; of the pairs' differences if paired.

    Raises:
        ValueError: ``difference`` is 0.
    """
    if difference == 0.0:
        raise ValueError("no number of seeds shows a difference of 0")
    if deviation == 0.0:
        return 2
    effect = abs(difference) / deviation

    def is_enough(n_seeds: int) -> bool:
        return _power(effect, n_seeds, significance, is_paired) >= POWER

    n_high = 2
    while not is_enough(n_high):
        n_high *= 2
    n_low = n_high // 2
    while n_high - n_low > 1:
        n_middle = (n_low + n_high) // 2
        if is_enough(n_middle):
            n_high = n_middle
        else:
            n_low = n_middle
    return n_high


def _power(effect: float, n_seeds: int, significance: float, is_paired: bool) -> float:
    """Power of the two-sided t-test for ``effect``, a difference in standard deviations."""
    df = n_seeds - 1 if is_paired else 2 * n_seeds - 2
    critical = stats.t.ppf(1 - significance / 2, df)
    shift = effect * math.sqrt(n_seeds if is_paired else n_seeds / 2)
    return float(stats.nct.sf(critical, df, shift) + stats.nct.cdf(-critical, df, shift))
