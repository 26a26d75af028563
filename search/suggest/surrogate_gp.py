"""Gaussian process regression for some dozens to some thousands of noisy values.

Our own, because a dozen kernel parameters cannot be fitted to five values without priors:
scikit-learn's process has none, and Optuna's, which has them, is private.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

Array = npt.NDArray[np.float64]

# Log-normal priors of the kernel's standard deviations: means and common deviation. Between the
# layouts of a space log AUCC has a standard deviation of 0.1 to 0.2, between seeds of 0.03.
SIGNAL, NOISE, PRIOR_DEVIATION = np.log(0.2), np.log(0.03), 1.0

# Prior deviations within which the kernel's parameters are: a line search can try a step of
# hundreds, whose exponential is infinite.
FARTHEST = 20.0

# The kernel's parameters are fitted to at most this many values, evenly spread: the time of a
# fit grows with their number cubed. Predictions use all values: that takes one factorisation.
MAX_FITTED = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianProcess:
    """Gaussian process with a Matérn 5/2 kernel, a length scale for each input, and noise.

    Its parameters are the maximum a posteriori under log-normal priors. Shapes: N values, D
    inputs.
    """

    inputs: Array  # N, D
    kernel: Array  # D + 2: log length scales, then log standard deviations of signal and noise
    factor: Array  # N, N: lower Cholesky factor of the values' covariance
    weights: Array  # N: the inverse covariance times the centred values
    center: float  # mean of the values

    @classmethod
    def fit(cls, inputs: Array, values: Array, errors: Array) -> GaussianProcess:
        """Fit the process to ``values`` at ``inputs``.

        Args:
            inputs: N, D; each column with standard deviation 1.
            values: N; here logs of AUCC.
            errors: N; known standard deviation of each value; common noise is fitted on top.
        """
        center = float(values.mean())
        some = np.linspace(0, len(values) - 1, min(len(values), MAX_FITTED)).astype(int)
        data = (inputs[some], values[some] - center, errors[some] ** 2)
        start = _prior_means(inputs.shape[1])
        kernel: Array = minimize(_cost, start, args=data, jac=True, method="L-BFGS-B").x
        factor = _factor(_covariance(kernel, inputs, inputs), kernel, errors**2)
        weights = cho_solve((factor, True), values - center)
        return cls(inputs=inputs, kernel=kernel, factor=factor, weights=weights, center=center)

    def predict(self, inputs: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the value at each row of ``inputs``, without noise.

        Args:
            inputs: M, D.

        Returns:
            Two arrays of length M.
        """
        cross = _covariance(self.kernel, inputs, self.inputs)
        explained = solve_triangular(self.factor, cross.T, lower=True)
        variance = np.exp(2 * self.kernel[-2]) - (explained**2).sum(axis=0)
        return self.center + cross @ self.weights, np.sqrt(np.maximum(variance, 1e-12))


def _prior_means(n_inputs: int) -> Array:
    """Prior means of the log kernel parameters; length scales grow as distances do."""
    return np.append(np.full(n_inputs, 0.5 * np.log(n_inputs)), [SIGNAL, NOISE])


def _cost(kernel: Array, inputs: Array, targets: Array, known: Array) -> tuple[float, Array]:
    """Minus the logarithm of the posterior of ``kernel``, up to a constant, and its gradient."""
    off = (kernel - _prior_means(inputs.shape[1])) / PRIOR_DEVIATION
    if np.abs(off).max() > FARTHEST:  # the line search steps back from the prior's cost
        return float(0.5 * off @ off), off / PRIOR_DEVIATION
    covariance = _covariance(kernel, inputs, inputs)
    factor = _factor(covariance, kernel, known)
    inverse = cho_solve((factor, True), np.eye(len(targets)))
    weights = inverse @ targets
    cost = 0.5 * (targets @ weights + off @ off) + np.log(np.diag(factor)).sum()
    slack = inverse - np.outer(weights, weights)  # d cost / d covariance, twice
    gradient = np.append(
        0.5 * (slack[:, :, None] * _by_lengths(kernel, inputs)).sum(axis=(0, 1)),
        [(slack * covariance).sum(), np.trace(slack) * np.exp(2 * kernel[-1])],
    )
    return float(cost), gradient + off / PRIOR_DEVIATION


def _factor(covariance: Array, kernel: Array, known: Array) -> Array:
    # Relative to the signal: where a fit tries a large one, rounding alone exceeds any constant.
    noise = np.exp(2 * kernel[-1]) + known + 1e-8 * (1 + np.exp(2 * kernel[-2]))
    factor: Array = cholesky(covariance + np.diag(noise), lower=True)
    return factor


def _covariance(kernel: Array, left: Array, right: Array) -> Array:
    """Matérn 5/2 between the rows of ``left`` and of ``right``."""
    lengths = np.exp(kernel[:-2])
    distance = np.sqrt(5) * cdist(left / lengths, right / lengths)
    covariance: Array = (
        np.exp(2 * kernel[-2]) * (1 + distance + distance**2 / 3) * np.exp(-distance)
    )
    return covariance


def _by_lengths(kernel: Array, inputs: Array) -> Array:
    """Derivatives of the covariance by each log length scale: N, N, D."""
    scaled = inputs / np.exp(kernel[:-2])
    squares: Array = (scaled[:, None, :] - scaled[None, :, :]) ** 2
    distance = np.sqrt(5 * squares.sum(axis=2))
    slope: Array = np.exp(2 * kernel[-2]) * 5 / 3 * (1 + distance) * np.exp(-distance)
    changes: Array = slope[:, :, None] * squares
    return changes
