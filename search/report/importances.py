"""Importance of each axis of the space, with bootstrap intervals.

The share of the variance of the objective's ranks that an axis explains. Depth explains its
share alone; any other axis is compared at equal depth, since depth decides much of cost and
score, and the number of reservoirs or the sharing go with it. PED-ANOVA, which Optuna has, asks
what the best few have in common: of some dozens of trials these are five, and axes that decide
the whole order can come out last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from search.report.scored_trials import ScoredTrial, axes_of, is_range, values_of
from search.stats.prediction import RankCorrelation, rank_correlation

MIN_TRIALS = 10  # importances from fewer trials are noise
DEPTH = "depth"
N_RESAMPLES = 1000
_SEED = 1  # of the bootstrap

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """Share of the variance of the objective's ranks that an axis explains."""

    share: float  # 0 to 1: omega squared
    low: float  # 95 % bootstrap interval over the trials
    high: float
    n_trials: int  # that have the axis
    n_depths: int  # of these trials' encoders
    rho: RankCorrelation | None  # of its numbers with the objective over all depths

    @property
    def is_of_rho_alone(self) -> bool:
        """True if Spearman's correlation differs from 0 while the importance may be 0."""
        return self.rho is not None and self.rho.low * self.rho.high > 0 and self.low <= 0


def importances(trials: Sequence[ScoredTrial]) -> dict[str, Importance]:
    """Importance of each axis, most important first.

    Empty below ``MIN_TRIALS`` trials. An axis that too few trials have for an interval, or that
    depth decides, is left out.

    Source:
        Omega squared: W. L. Hays (1963), Statistics for psychologists.
    """
    if len(trials) < MIN_TRIALS:
        return {}
    found = {axis: _importance(trials, axis) for axis in axes_of(trials)}
    known = {axis: each for axis, each in found.items() if each is not None}
    return dict(sorted(known.items(), key=lambda item: -item[1].share))


def _importance(trials: Sequence[ScoredTrial], axis: str) -> Importance | None:
    having = [trial for trial in trials if axis in trial.params]
    if len(having) < MIN_TRIALS:
        return None
    ranks = rankdata([trial.gain for trial in having])
    strata = _labels([0 if axis == DEPTH else trial.depth for trial in having])
    cells = _labels(list(zip(strata, _binned(having, axis), strict=True)))
    if cells.max() == strata.max():
        return None
    n = len(having)
    share = _omega_squared(ranks, strata, cells, np.ones((1, n)))[0]
    weights = np.random.default_rng(_SEED).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)
    resampled = _omega_squared(ranks, strata, cells, weights.astype(np.float64))
    resampled = resampled[np.isfinite(resampled)]
    if not np.isfinite(share) or resampled.size < N_RESAMPLES / 2:
        return None
    # Resamples repeat trials and so explain too much: their mean is moved to the estimate.
    low, high = np.percentile(resampled, [2.5, 97.5]) - resampled.mean() + share
    share, low, high = np.clip([share, low, high], 0.0, 1.0)
    return Importance(
        share=float(share),
        low=float(low),
        high=float(high),
        n_trials=n,
        n_depths=len({trial.depth for trial in having}),
        rho=_rho(having, axis),
    )


def _rho(trials: Sequence[ScoredTrial], axis: str) -> RankCorrelation | None:
    """Rank correlation of an axis of numbers with the objective; None for any other axis."""
    numbers = [
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        for value in (trial.params[axis] for trial in trials)
    ]
    return rank_correlation(numbers, [trial.objective for trial in trials])


def _binned(trials: Sequence[ScoredTrial], axis: str) -> Labels:
    """Value of each trial as a label; values of a range by quarters."""
    values = values_of(trials, axis)
    if is_range(trials, axis):
        numbers = np.array([float(str(trial.params[axis])) for trial in trials])
        return np.searchsorted(np.quantile(numbers, [0.25, 0.5, 0.75]), numbers)
    return np.array([values.index(trial.params[axis]) for trial in trials])


def _labels(groups: Sequence[object]) -> Labels:
    """Groups as numbers from 0."""
    known = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return np.array([known[group] for group in groups])


def _omega_squared(ranks: Array, strata: Labels, cells: Labels, weights: Array) -> Array:
    """Omega squared of the cells within the strata, for each row of ``weights``.

    NaN where no cell has two trials, so that the noise is unknown.

    Args:
        weights: how often each trial counts, of shape (resamples, trials).
    """
    n = weights.sum(axis=1)
    total, _ = _within(ranks, np.zeros_like(strata), weights)
    at_equal_depth, n_strata = _within(ranks, strata, weights)
    in_cells, n_cells = _within(ranks, cells, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = in_cells / (n - n_cells)
        explained = at_equal_depth - in_cells - (n_cells - n_strata) * noise
        share: Array = explained / (total + noise)
    share[n <= n_cells] = np.nan
    return share


def _within(ranks: Array, groups: Labels, weights: Array) -> tuple[Array, Array]:
    """Sum of squares within the groups, and the number of groups that have trials."""
    members = np.eye(groups.max() + 1)[groups]
    counts, sums = weights @ members, weights @ (members * ranks[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.where(counts > 0, sums**2 / counts, 0.0)
    return weights @ ranks**2 - squares.sum(axis=1), (counts > 0).sum(axis=1)
