"""Tests of the difference between two means over the same seeds: paired, or Welch's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import stats

from search.stats.significance import SIGNIFICANCE, Comparison

Array = npt.NDArray[np.float64]

PAIRED_FROM = 0.3  # mean correlation over seeds from which the test is paired
N_SEEDS_TO_CORRELATE = 3  # the correlation of two seeds is always 1 or -1

# The same seeds choose the test and are tested by it, which raises the error. Times this factor, p
# keeps it at or below 5 % for 3 to 20 seeds at any correlation from 0 to 0.9, the looks of
# ``alpha_spending.py`` included, by simulation: tests/search/stats/test_error_rates.py.
CHOICE_FACTOR = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedTest:
    """The t-test that fits the correlation of several groups over their common seeds.

    Groups with the same seed begin alike and see the same batches. Where their values rise and
    fall together, the differences of the pairs vary less than the values, and the paired test
    sees more; where they don't, Welch's test has more degrees of freedom.
    """

    correlation: float | None  # mean over all pairs of groups; None if too few seeds

    @classmethod
    def of(cls, pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Self:
        """The test for groups of which these are all pairs, each on its common seeds."""
        long = [pair for pair in pairs if len(pair[0]) >= N_SEEDS_TO_CORRELATE]
        if not long:
            return cls(correlation=None)
        sides = [(np.array(one), np.array(other)) for one, other in long]
        return cls(correlation=float(mean_correlation(sides)))

    @property
    def is_paired(self) -> bool:
        return self.correlation is not None and self.correlation >= PAIRED_FROM

    @property
    def factor(self) -> float:
        """Factor on p for the choice of the test; 1 where there was none."""
        return 1.0 if self.correlation is None else CHOICE_FACTOR

    def __str__(self) -> str:
        """Name of the test, and the correlation that chose it."""
        name = "paired t-test" if self.is_paired else "Welch's t-test"
        if self.correlation is None:
            return name
        return f"{name}, mean correlation over seeds {self.correlation:.2f}"

    def difference(self, values: Sequence[float], others: Sequence[float]) -> Difference | None:
        """Difference of two groups on their common seeds; None if these are under two."""
        if len(values) < 2:
            return None
        found = differences(np.array(values), np.array(others), np.array(self.is_paired))
        return Difference(
            mean=float(found[0]),
            error=float(found[1]),
            df=float(found[2]),
            n_seeds=len(values),
            test=self,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Difference of two means, with the distribution of its error."""

    mean: float
    error: float  # standard error; 0 where nothing varies
    df: float  # degrees of freedom of Student's t
    n_seeds: int
    test: SeedTest

    @property
    def deviation(self) -> float:
        """Standard deviation between pairs, or for Welch's test between the seeds of a group."""
        n_terms = 1 if self.test.is_paired else 2
        return self.error * math.sqrt(self.n_seeds / n_terms)

    def comparison(self, significance: float = SIGNIFICANCE) -> Comparison:
        """Two-sided test; the interval leaves 0 out if and only if p is below ``significance``."""
        half = self.error * float(stats.t.isf(significance / (2 * self.test.factor), self.df))
        p = two_sided(np.array(self.mean), np.array(self.error), np.array(self.df))
        return Comparison(
            difference=self.mean,
            low=self.mean - half,
            high=self.mean + half,
            p=min(1.0, float(p) * self.test.factor),
        )

    def p_worse_by(self, margin: float) -> float:
        """One-sided p-value against "lower by ``margin`` or more": non-inferiority if small."""
        if self.error == 0.0:
            return float(self.mean <= -margin)
        p = float(stats.t.sf((self.mean + margin) / self.error, self.df))
        return min(1.0, p * self.test.factor)


def mean_correlation(pairs: Sequence[tuple[Array, Array]]) -> Array:
    """Mean over pairs of Pearson's correlation along the last axis, the seeds.

    Pairs with a side that does not vary are left out; 0 where none is left.
    """
    found = np.stack([_correlation(one, other) for one, other in pairs])
    n_known = (~np.isnan(found)).sum(axis=0)
    mean: Array = np.nansum(found, axis=0) / np.maximum(n_known, 1)
    return mean


def differences(
    values: Array, others: Array, is_paired: npt.NDArray[np.bool_]
) -> tuple[Array, Array, Array]:
    """Differences of means along the last axis, their standard errors and degrees of freedom.

    Args:
        values: of shape (…, seeds), at least two seeds.
        others: of the same seeds.
        is_paired: which of the tests are paired, of shape (…).

    Source:
        Student (1908), The probable error of a mean; B. L. Welch (1947), The generalization of
        "Student's" problem when several different population variances are involved.
    """
    n_seeds = values.shape[-1]
    paired = values - others
    one, other = (side.var(axis=-1, ddof=1) for side in (values, others))
    squares = one**2 + other**2
    welch_df = (n_seeds - 1) * np.divide(
        (one + other) ** 2, squares, out=np.ones_like(squares), where=squares > 0
    )
    variance = np.where(is_paired, paired.var(axis=-1, ddof=1), one + other)
    df = np.where(is_paired, n_seeds - 1.0, welch_df)
    return paired.mean(axis=-1), np.sqrt(variance / n_seeds), df


def two_sided(mean: Array, error: Array, df: Array) -> Array:
    """Two-sided p-values; without error 0 for a difference, and 1 for none."""
    t = np.divide(np.abs(mean), error, out=np.where(mean == 0.0, 0.0, np.inf), where=error > 0)
    p: Array = 2 * stats.t.sf(t, df)
    return p


def _correlation(values: Array, others: Array) -> Array:
    """Pearson's correlation along the last axis; NaN where a side does not vary."""
    one, other = (side - side.mean(axis=-1, keepdims=True) for side in (values, others))
    norm = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    correlation: Array = np.divide(
        (one * other).sum(axis=-1), norm, out=np.full_like(norm, np.nan), where=norm > 0
    )
    return correlation
