from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from search.suggest.surrogate_gp import (
    MAX_FITTED,
    NOISE,
    SIGNAL,
    GaussianProcess,
    _cost,
    _covariance,
    _factor,
)

RNG = np.random.default_rng(3)
INPUTS = RNG.normal(size=(30, 3))
VALUES = 7.0 + 0.1 * np.sin(INPUTS[:, 0])  # the other inputs say nothing
EXACT = np.zeros(30)


def test_it_predicts_what_lies_between_the_values_it_was_shown():
    process = GaussianProcess.fit(INPUTS, VALUES, EXACT)
    new = np.random.default_rng(4).uniform(-1, 1, size=(50, 3))
    means, deviations = process.predict(new)
    errors = np.abs(means - (7.0 + 0.1 * np.sin(new[:, 0])))
    assert errors.mean() < 0.01  # a fifth of what the mean of all values would miss by
    assert (errors < 4 * deviations).all()


def test_far_from_every_value_it_knows_no_more_than_their_mean():
    process = GaussianProcess.fit(INPUTS, VALUES, EXACT)
    means, deviations = process.predict(np.array([[1e3, 1e3, 1e3], [0.0, 0.0, 0.0]]))
    assert means[0] == pytest.approx(VALUES.mean())
    assert deviations[0] > 3 * deviations[1]


def test_a_value_with_a_large_error_moves_it_less():
    values = VALUES.copy()
    values[0] += 0.5
    doubted = EXACT.copy()
    doubted[0] = 5.0
    trusting, _ = GaussianProcess.fit(INPUTS, values, EXACT).predict(INPUTS[:1])
    doubting, _ = GaussianProcess.fit(INPUTS, values, doubted).predict(INPUTS[:1])
    assert abs(doubting[0] - VALUES[0]) < abs(trusting[0] - VALUES[0]) / 2


def test_one_value_is_enough():
    means, deviations = GaussianProcess.fit(INPUTS[:1], VALUES[:1], EXACT[:1]).predict(INPUTS)
    assert means == pytest.approx(np.full(30, VALUES[0]))
    assert deviations[0] == deviations.min()


def test_the_gradient_is_that_of_the_cost():
    data = (INPUTS, VALUES - 7.0, EXACT)
    for kernel in np.random.default_rng(5).normal(size=(3, 5)):
        differences = approx_fprime(kernel, lambda at: _cost(at, *data)[0], 1e-6)
        assert _cost(kernel, *data)[1] == pytest.approx(differences, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("step", [1.0, 25.0, 370.0, -900.0])
def test_however_far_a_line_search_steps_the_cost_is_finite_and_leads_back(step: float):
    data = (INPUTS, VALUES - 7.0, EXACT)
    start = np.array([0.5, -0.5, 0.2, SIGNAL, NOISE])
    cost, gradient = _cost(start + step, *data)
    assert np.isfinite(cost)
    assert np.isfinite(gradient).all()
    if abs(step) > 1:
        assert cost > _cost(start, *data)[0]
        assert (np.sign(gradient) == np.sign(step)).all()


def test_of_many_values_all_are_predicted_from_though_some_fit_the_kernel():
    rng = np.random.default_rng(6)
    inputs = rng.normal(size=(3 * MAX_FITTED, 2))
    values = 7.0 + 0.1 * np.sin(inputs[:, 0])
    inputs[-2] = (9.0, 9.0)  # alone there, and not among those that fit the kernel
    values[-2] = 7.3
    process = GaussianProcess.fit(inputs, values, np.zeros(len(values)))
    assert len(process.weights) == len(values)
    means, _ = process.predict(inputs[-2:-1])
    assert means[0] == pytest.approx(7.3, abs=0.05)
    few = GaussianProcess.fit(inputs[:MAX_FITTED], values[:MAX_FITTED], np.zeros(MAX_FITTED))
    new = rng.uniform(-1, 1, size=(50, 2))
    errors = [np.abs(p.predict(new)[0] - 7.0 - 0.1 * np.sin(new[:, 0])) for p in (process, few)]
    assert errors[0].mean() < errors[1].mean()


def test_points_close_together_are_no_trouble_however_large_a_signal_the_fit_tries():
    inputs = np.repeat(np.linspace(0.0, 1.0, 4)[:, None], 8, axis=0)
    kernel = np.array([3.0, 9.0, -20.0])  # length, signal, noise, as logs
    factor = _factor(_covariance(kernel, inputs, inputs), kernel, np.zeros(len(inputs)))
    assert np.all(np.isfinite(factor))
