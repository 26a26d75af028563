"""Rank correlations against scipy, and their intervals against repeated sampling."""

from __future__ import annotations

import math
import random

import pytest
from scipy.stats import spearmanr

from search.stats.prediction import predictions, rank_correlation


def test_only_the_order_of_the_values_counts() -> None:
    finals = [float(n) for n in range(12)]
    found = rank_correlation([math.exp(value) for value in finals], finals)
    assert found is not None
    assert found.rho == pytest.approx(1)
    assert (found.low, found.high) == pytest.approx((1, 1))
    backwards = rank_correlation([-value for value in finals], finals)
    assert backwards is not None
    assert backwards.rho == pytest.approx(-1)


def test_the_interval_covers_the_true_correlation_about_as_often_as_promised() -> None:
    rng, n_covered, n_tries = random.Random(2), 0, 60
    for _ in range(n_tries):
        values = [rng.gauss(0, 1) for _ in range(60)]
        finals = [rng.gauss(0, 1) for _ in range(60)]  # nothing predicts anything
        found = rank_correlation(values, finals)
        assert found is not None
        assert found.rho == pytest.approx(spearmanr(values, finals).statistic)
        n_covered += found.low <= 0 <= found.high
    assert n_covered / n_tries > 0.85


def test_trials_without_a_value_are_left_out_and_too_few_have_no_correlation() -> None:
    finals = [float(n) for n in range(14)]
    found = rank_correlation([*finals[:10], None, None, None, None], finals)
    assert found is not None
    assert found.n_trials == 10
    assert rank_correlation([*finals[:9], None, None, None, None, None], finals) is None
    assert rank_correlation([1.0] * 14, finals) is None


def test_only_completed_trials_count(make_record) -> None:
    records = [make_record(n, aucc=float(n), objective=float(n)) for n in range(12)]
    records += [make_record(n, state="stopped", aucc=0.0) for n in range(12, 20)]
    # All hand-made trials have one layout and one curve: no measure differs between them.
    assert predictions(records) == {}
    with_dynamics = [
        make_record(
            n,
            aucc=float(n),
            dynamics={"8": {"lyapunov": 5.0}, "4": {"lyapunov": -float(n)}},
        )
        for n in range(12)
    ]
    (name,) = predictions(with_dynamics)
    assert name == "Lyapunov exponent, first validation"
    assert predictions(with_dynamics)[name].rho == pytest.approx(-1)
