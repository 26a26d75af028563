"""Tests and intervals against scipy, simulation and published examples."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from search.stats.significance import POWER, Interval, holm, seeds_to_see, welch

values = st.lists(st.floats(-100, 100).map(lambda x: round(x, 3)), min_size=2, max_size=8)


def test_welch_agrees_with_a_computation_by_hand() -> None:
    # Means 3 and 7, variances 2.5 and 10, five values a side: t = -4 / sqrt(12.5 / 5),
    # degrees of freedom (12.5 / 5)^2 / ((2.5 / 5)^2 / 4 + (10 / 5)^2 / 4) = 5.88...
    found = welch([1, 2, 3, 4, 5], [3, 5, 7, 9, 11])
    assert found is not None
    df = 2.5**2 / (0.5**2 / 4 + 2.0**2 / 4)
    assert found.difference == -4
    assert found.p == pytest.approx(2 * stats.t.sf(4 / math.sqrt(2.5), df))
    half = stats.t.ppf(0.975, df) * math.sqrt(2.5)
    assert (found.low, found.high) == pytest.approx((-4 - half, -4 + half))


@given(values, values)
def test_welch_is_the_same_from_both_sides(first: list[float], second: list[float]) -> None:
    there, back = welch(first, second), welch(second, first)
    assert there is not None
    assert back is not None
    assert there.p == pytest.approx(back.p, abs=1e-12)
    assert there.low <= there.difference <= there.high
    assert there.difference == -back.difference


def test_one_seed_a_side_compares_nothing() -> None:
    assert welch([1.0], [2.0, 3.0]) is None


def test_sides_that_never_vary_differ_or_do_not() -> None:
    different, equal = welch([1.0, 1.0], [2.0, 2.0]), welch([1.0, 1.0], [1.0, 1.0])
    assert different is not None
    assert equal is not None
    assert (different.p, equal.p) == (0.0, 1.0)


def test_holm_agrees_with_a_computation_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04: times 4, 3, 2, 1, and never below the one before.
    assert holm([0.01, 0.04, 0.03, 0.02]) == pytest.approx([0.04, 0.06, 0.06, 0.06])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_adjustment_and_bonferroni(ps: list[float]) -> None:
    for p, adjusted in zip(ps, holm(ps), strict=True):
        assert p <= adjusted <= min(1.0, len(ps) * p) or adjusted == pytest.approx(p)


def test_the_interval_of_a_mean_is_students() -> None:
    interval = Interval.of([1.0, 2.0, 3.0])
    half = stats.t.ppf(0.975, 2) / math.sqrt(3)
    assert (interval.mean, interval.deviation) == (2.0, 1.0)
    assert (interval.low, interval.high) == pytest.approx((2 - half, 2 + half))
    assert Interval.of([4.0]).low is None


@pytest.mark.parametrize(
    ("mean", "deviation", "text"),
    [
        (12873.4, 731.2, "12,873 ± 731"),
        (23.923, 0.6149, "23.92 ± 0.61"),
        (3.4008, 0.00418, "3.4008 ± 0.0042"),
        (1000.0, 0.0, "1000 ± 0"),
        (1000.0, None, "1000"),
        (123456.7, None, "123,457"),
    ],
)
def test_a_mean_has_the_digits_that_its_deviation_allows(
    mean: float, deviation: float | None, text: str
) -> None:
    assert str(Interval(mean=mean, deviation=deviation, low=None, high=None)) == text


@pytest.mark.parametrize(("effect", "n_published"), [(0.5, 64), (0.8, 26), (1.0, 17)])
def test_seeds_to_see_an_effect_are_those_of_cohens_table(effect: float, n_published: int) -> None:
    # Cohen (1988), table 2.4.1: two-sided 0.05, power 0.80.
    assert seeds_to_see(effect, deviation=1.0) == n_published


def test_a_stricter_test_takes_more_seeds() -> None:
    # statsmodels' TTestIndPower says 38.2 for two-sided 0.01, power 0.80, effect 0.8.
    assert seeds_to_see(0.8, deviation=1.0, significance=0.01) == 39


def test_so_many_seeds_see_the_difference_as_often_as_promised() -> None:
    rng = random.Random(1)
    n_seeds, n_seen, n_tries = seeds_to_see(0.25, deviation=0.2), 0, 1000
    for _ in range(n_tries):
        first = [rng.gauss(0.25, 0.2) for _ in range(n_seeds)]
        second = [rng.gauss(0.0, 0.2) for _ in range(n_seeds)]
        found = welch(first, second)
        assert found is not None
        n_seen += found.p < 0.05
    assert POWER - 0.04 < n_seen / n_tries < POWER + 0.06


def test_no_number_of_seeds_shows_no_difference() -> None:
    with pytest.raises(ValueError, match="difference of 0"):
        seeds_to_see(0.0, deviation=1.0)
