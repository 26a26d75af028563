"""Paired and Welch's tests and the choice between them, against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from search.stats.seed_test import CHOICE_FACTOR, SeedTest

ONE, OTHER = [3.0, 5.1, 4.2, 6.3], [2.5, 4.0, 4.4, 5.0]


def test_the_paired_test_agrees_with_scipys() -> None:
    found = SeedTest(correlation=0.9).difference(ONE, OTHER)
    assert found is not None
    theirs = stats.ttest_rel(ONE, OTHER)
    interval = theirs.confidence_interval(1 - 0.05 / CHOICE_FACTOR)
    compared = found.comparison()
    assert compared.p == pytest.approx(theirs.pvalue * CHOICE_FACTOR)
    assert (compared.low, compared.high) == pytest.approx((interval.low, interval.high))
    assert found.deviation == pytest.approx(np.subtract(ONE, OTHER).std(ddof=1))


def test_welchs_test_agrees_with_scipys() -> None:
    found = SeedTest(correlation=0.29).difference(ONE, OTHER)
    assert found is not None
    theirs = stats.ttest_ind(ONE, OTHER, equal_var=False)
    assert found.comparison().p == pytest.approx(min(1.0, theirs.pvalue * CHOICE_FACTOR))
    assert found.deviation == pytest.approx(
        math.sqrt((np.var(ONE, ddof=1) + np.var(OTHER, ddof=1)) / 2)
    )


def test_non_inferiority_agrees_with_scipys_one_sided_test() -> None:
    found = SeedTest(correlation=0.9).difference(OTHER, ONE)
    assert found is not None
    theirs = stats.ttest_rel(np.add(OTHER, 1.5), ONE, alternative="greater")
    assert found.p_worse_by(1.5) == pytest.approx(theirs.pvalue * CHOICE_FACTOR)


def test_the_correlation_is_the_mean_over_all_pairs_and_chooses_the_test() -> None:
    third = [1.0, 1.0, 1.0, 1.0]  # does not vary, so that it correlates with nothing
    test = SeedTest.of([(ONE, OTHER), (ONE, third), (OTHER, third), (ONE, ONE[::-1])])
    expected = (np.corrcoef(ONE, OTHER)[0, 1] + np.corrcoef(ONE, ONE[::-1])[0, 1]) / 2
    assert test.correlation == pytest.approx(expected)
    assert not test.is_paired
    assert SeedTest.of([(ONE, OTHER)]).is_paired


def test_two_seeds_choose_no_test() -> None:
    test = SeedTest.of([(ONE[:2], OTHER[:2])])
    assert (test.correlation, test.is_paired, test.factor) == (None, False, 1.0)
    assert test.difference([1.0], [2.0]) is None


def test_groups_that_never_vary_differ_or_do_not() -> None:
    for correlation in (0.0, 1.0):
        test = SeedTest(correlation=correlation)
        different, equal = test.difference([1, 1, 1], [2, 2, 2]), test.difference([1, 1], [1, 1])
        assert different is not None
        assert equal is not None
        assert (different.comparison().p, equal.comparison().p) == (0.0, 1.0)
        assert (different.p_worse_by(0.5), different.p_worse_by(2.0)) == (1.0, 0.0)
