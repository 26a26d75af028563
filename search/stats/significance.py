"""The tests behind "this one is better": a few seeds, unequal variances, several comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy import stats

SIGNIFICANCE = 0.05  # family-wise, two-sided
POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean with its standard deviation and confidence interval over seeds."""

    mean: float
    deviation: float | None  # of a sample; None for one value
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: Sequence[float], *, confidence: float = 1 - SIGNIFICANCE) -> Interval:
        """Student's t interval of the mean of ``values``."""
        mean = fmean(values)
        if len(values) < 2:
            return cls(mean=mean, deviation=None, low=None, high=None)
        deviation = stdev(values)
        half = (
            stats.t.ppf((1 + confidence) / 2, len(values) - 1) * deviation / math.sqrt(len(values))
        )
        return cls(mean=mean, deviation=deviation, low=mean - half, high=mean + half)

    def __str__(self) -> str:
        """The mean to the place of the deviation's second digit, at most to units."""
        if not self.deviation:
            mean = f"{self.mean:.5g}" if abs(self.mean) < 1e5 else f"{self.mean:,.0f}"
            return mean if self.deviation is None else f"{mean} ± 0"
        n_decimals = max(0, 1 - math.floor(math.log10(self.deviation)))
        return f"{self.mean:,.{n_decimals}f} ± {self.deviation:,.{n_decimals}f}"


def pooled_deviation(*intervals: Interval) -> float | None:
    """The deviation within groups of equal size; None where one has a single value."""
    known = [interval.deviation for interval in intervals if interval.deviation is not None]
    if len(known) < len(intervals):
        return None
    return math.sqrt(fmean(deviation**2 for deviation in known))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the mean of some values differs from that of others."""

    difference: float
    low: float  # of the difference's confidence interval
    high: float
    p: float  # two-sided, of this comparison alone


def welch(values: Sequence[float], others: Sequence[float]) -> Comparison | None:
    """Welch's t-test of ``values`` against ``others``; None below two values a side.

    Where neither side varies at all, p is 0 for different means and 1 for equal ones.

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
    told = stats.ttest_ind(values, others, equal_var=False)
    interval = told.confidence_interval(1 - SIGNIFICANCE)
    return Comparison(
        difference=difference,
        low=float(interval.low),
        high=float(interval.high),
        p=float(told.pvalue),
    )


def holm(ps: Sequence[float]) -> list[float]:
    """The p-values of several comparisons, adjusted so that all hold at once.

    Source:
        S. Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    adjusted = [0.0] * len(ps)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted


def seeds_to_see(difference: float, *, deviation: float, significance: float = SIGNIFICANCE) -> int:
    """How many seeds a side it takes to see ``difference`` between two means.

    With Welch's test at ``significance`` and ``POWER``, both sides varying by
    ``deviation``; the power is that of the noncentral t distribution.

    Raises:
        ValueError: ``difference`` is 0.
    """
    if difference == 0.0:
        raise ValueError("no number of seeds shows a difference of 0")
    if deviation == 0.0:
        return 2
    effect = abs(difference) / deviation
    n_high = 2
    while _power(effect, n_high, significance) < POWER:
        n_high *= 2
    n_low = n_high // 2
    while n_high - n_low > 1:
        n_middle = (n_low + n_high) // 2
        if _power(effect, n_middle, significance) < POWER:
            n_low = n_middle
        else:
            n_high = n_middle
    return n_high


def _power(effect: float, n_seeds: int, significance: float) -> float:
    """The chance that the test sees an ``effect`` in standard deviations."""
    freedom = 2 * n_seeds - 2
    critical = stats.t.ppf(1 - significance / 2, freedom)
    shift = effect * math.sqrt(n_seeds / 2)
    return float(stats.nct.sf(critical, freedom, shift) + stats.nct.cdf(-critical, freedom, shift))
