"""Where a learning curve will end: a forecast of its area from the curves that ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, log1p

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from trainable.aucc import aucc
from trainable.config import Clock
from trainable.curve import Point

Array = npt.NDArray[np.float64]

# What is believed of the logarithm of the area to come before curves were seen: it is a few
# curves' worth of belief that what a curve shows leaves it open by a tenth.
_DEVIATION, _N_BELIEVED, _SLOPE = 0.1, 4, 0.5

# Three numbers are fitted: more curves would hardly move them, and a search of 2,000 trials
# makes thousands of forecasts.
MAX_CURVES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeCurve:
    """A completed trial's curve and its AUCC, the last score held to the horizon."""

    points: tuple[Point, ...]
    aucc: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is known of a trial's final AUCC; the log of what is to come is Student's t."""

    so_far: float
    log_rest: float
    deviation: float
    n_freedom: int

    @property
    def aucc(self) -> float:
        return self.so_far + exp(self.log_rest)

    @property
    def log_error(self) -> float:
        """The deviation of the logarithm of the final AUCC."""
        return self.deviation * exp(self.log_rest) / self.aucc

    def chance_above(self, area: float) -> float:
        """How likely the final AUCC is above ``area``."""
        if area <= self.so_far:
            return 1.0
        off = (log(area - self.so_far) - self.log_rest) / self.deviation
        return float(student.sf(off, self.n_freedom))


def forecast(
    points: Sequence[Point], whole: Sequence[WholeCurve], *, clock: Clock, horizon: float
) -> Forecast | None:
    """The final AUCC of a trial that has shown ``points``, from how ``whole`` went on there.

    The log of the area to come is a linear function of score and loss at this reading of the
    clock, fitted to the completed trials: ``MAX_CURVES`` of them, spread evenly over all. None
    where no completed trial has more to come.
    """
    reading = points[-1].at(clock)
    if len(whole) > MAX_CURVES:
        whole = [whole[i * len(whole) // MAX_CURVES] for i in range(MAX_CURVES)]
    pairs = [
        (_signs(curve.points, clock, reading), _rest(curve, clock, reading)) for curve in whole
    ]
    known = [(signs, log(rest)) for signs, rest in pairs if rest > 0]
    if not known:
        return None
    signs, rests = (np.array(side, dtype=np.float64) for side in zip(*known, strict=True))
    mean, deviation = _regress(signs, rests, np.array(_signs(points, clock, reading)))
    return Forecast(
        so_far=aucc(points, clock=clock, horizon=horizon, hold_last=False),
        log_rest=mean,
        deviation=deviation,
        n_freedom=_N_BELIEVED + len(known) - 1,
    )


def _signs(points: Sequence[Point], clock: Clock, reading: float) -> tuple[float, float]:
    """What a curve shows of its future at ``reading``: its level, and the loss there."""
    clocks = [point.at(clock) for point in points]
    scores = [point.score for point in points]
    interval = clocks[0]  # validation is noisy: the level is the mean of the last two
    level = np.interp([reading - interval, reading], clocks, scores).mean()
    return log1p(float(level)), float(np.interp(reading, clocks, [p.loss for p in points]))


def _rest(curve: WholeCurve, clock: Clock, reading: float) -> float:
    """The area of a completed trial that lay beyond ``reading``."""
    if reading >= curve.points[-1].at(clock):
        return 0.0
    return curve.aucc - aucc(curve.points, clock=clock, horizon=reading, hold_last=False)


def _regress(signs: Array, rests: Array, new: Array) -> tuple[float, float]:
    """Mean and scale of Student's t for the rest that goes with ``new``: Bayesian, conjugate."""
    middle, center = signs.mean(axis=0), rests.mean()
    inputs, values = signs - middle, rests - center
    ridge = (_DEVIATION / _SLOPE) ** 2
    inverse = np.linalg.inv(inputs.T @ inputs + ridge * np.eye(inputs.shape[1]))
    slopes = inverse @ inputs.T @ values
    misfit = ((values - inputs @ slopes) ** 2).sum() + ridge * slopes @ slopes
    n_freedom = _N_BELIEVED + len(rests) - 1
    noise = (_N_BELIEVED * _DEVIATION**2 + misfit) / n_freedom
    step = new - middle
    variance = noise * (1 + 1 / len(rests) + step @ inverse @ step)
    return float(center + step @ slopes), float(np.sqrt(variance))
