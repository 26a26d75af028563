"""Forecast of a trial's final AUCC from its first points and the curves of completed trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, log1p
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from trainable.aucc import aucc
from trainable.config import Clock
from trainable.curve import Point

Array = npt.NDArray[np.float64]
T = TypeVar("T")

# The regression on the log of the area to come has a prior. Its residual standard deviation is
# 0.1 with the weight of 4 curves; a slope has a standard deviation of 0.5.
_DEVIATION, _N_PRIOR, _SLOPE = 0.1, 4, 0.5

# Only three numbers are fitted: more curves would hardly change them, and a search of 2,000
# trials makes thousands of forecasts.
MAX_CURVES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeCurve:
    """Curve of a completed trial, and its AUCC with the last score held to the horizon."""

    points: tuple[Point, ...]
    aucc: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Predictive distribution of a trial's final AUCC.

    The log of the area to come follows Student's t distribution.
    """

    so_far: float  # area until the last point
    log_rest: float  # mean of the log of the area to come
    deviation: float  # scale of that t distribution
    degrees_of_freedom: int

    @property
    def aucc(self) -> float:
        """Median of the final AUCC."""
        return self.so_far + exp(self.log_rest)

    @property
    def log_error(self) -> float:
        """Scale of the log of the final AUCC, to first order."""
        return self.deviation * exp(self.log_rest) / self.aucc

    def chance_above(self, area: float) -> float:
        """Probability that the final AUCC is above ``area``."""
        if area <= self.so_far:
            return 1.0
        t = (log(area - self.so_far) - self.log_rest) / self.deviation
        return float(student.sf(t, self.degrees_of_freedom))


def forecast(
    points: Sequence[Point], whole: Sequence[WholeCurve], *, clock: Clock, horizon: float
) -> Forecast | None:
    """Forecast of the final AUCC of a trial with ``points`` so far, fitted to ``whole``.

    The log of the area to come is a linear function of score and loss at this reading of the
    clock, fitted to the completed trials: ``MAX_CURVES`` of them, spread evenly over all. None
    where no completed trial has more to come.
    """
    reading = points[-1].at(clock)
    pairs = [
        (_predictors(curve.points, clock, reading), _rest(curve, clock, reading))
        for curve in evenly_spread(whole)
    ]
    known = [(predictors, log(rest)) for predictors, rest in pairs if rest > 0]
    if not known:
        return None
    predictors, log_rests = (np.array(side, dtype=np.float64) for side in zip(*known, strict=True))
    new = np.array(_predictors(points, clock, reading))
    mean, deviation = regress(predictors, log_rests, new)
    return Forecast(
        so_far=aucc(points, clock=clock, horizon=horizon, hold_last=False),
        log_rest=mean,
        deviation=deviation,
        degrees_of_freedom=_N_PRIOR + len(known) - 1,
    )


def evenly_spread(all_of_them: Sequence[T]) -> Sequence[T]:
    """At most ``MAX_CURVES`` of the trials, spread evenly over all."""
    if len(all_of_them) <= MAX_CURVES:
        return all_of_them
    return [all_of_them[i * len(all_of_them) // MAX_CURVES] for i in range(MAX_CURVES)]


def _predictors(points: Sequence[Point], clock: Clock, reading: float) -> tuple[float, float]:
    """Predictors of a curve's future at ``reading``: the log of 1 + its level, and the loss."""
    clocks = [point.at(clock) for point in points]
    scores = [point.score for point in points]
    interval = clocks[0]  # validation is noisy: the level is the mean of the last two
    level = np.interp([reading - interval, reading], clocks, scores).mean()
    return log1p(float(level)), float(np.interp(reading, clocks, [p.loss for p in points]))


def _rest(curve: WholeCurve, clock: Clock, reading: float) -> float:
    """Area of a completed trial beyond ``reading``; 0 if its curve ends before."""
    if reading >= curve.points[-1].at(clock):
        return 0.0
    return curve.aucc - aucc(curve.points, clock=clock, horizon=reading, hold_last=False)


def regress(predictors: Array, log_rests: Array, new: Array) -> tuple[float, float]:
    """Predictive mean and scale at ``new`` of a Bayesian linear regression.

    The prior is conjugate: flat for the intercept, normal for the slopes, scaled inverse
    chi-squared for the residual variance. So the prediction follows Student's t.

    Args:
        predictors: of shape (curves, 2).
        log_rests: log of each curve's area to come, of shape (curves,); at least one.
        new: predictors of the trial to forecast, of shape (2,).
    """
    middle, center = predictors.mean(axis=0), log_rests.mean()
    inputs, values = predictors - middle, log_rests - center
    ridge = (_DEVIATION / _SLOPE) ** 2
    inverse = np.linalg.inv(inputs.T @ inputs + ridge * np.eye(inputs.shape[1]))
    slopes = inverse @ inputs.T @ values
    misfit = ((values - inputs @ slopes) ** 2).sum() + ridge * slopes @ slopes
    degrees_of_freedom = _N_PRIOR + len(log_rests) - 1
    noise = (_N_PRIOR * _DEVIATION**2 + misfit) / degrees_of_freedom
    offset = new - middle
    variance = noise * (1 + 1 / len(log_rests) + offset @ inverse @ offset)
    return float(center + offset @ slopes), float(np.sqrt(variance))
