"""Rank correlation of early measures of trials with their final AUCC."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, spearmanr

from search.study.score_name import score_name
from search.study.trial_record import TrialRecord

N_TRIALS_NEEDED = 10  # with fewer trials the interval is too wide to be of use
N_RESAMPLES = 2000  # bootstrap samples
EARLY = 0.25  # share of the budget
_SEED = 1  # of the bootstrap


@dataclass(frozen=True, slots=True, kw_only=True)
class RankCorrelation:
    """Spearman's rank correlation with its bootstrap confidence interval over the trials."""

    rho: float  # -1 to 1
    low: float  # lower end of the 95 % percentile interval
    high: float
    n_trials: int


def rank_correlation(
    values: Sequence[float | None], finals: Sequence[float]
) -> RankCorrelation | None:
    """Rank correlation of ``values`` with ``finals``, one of each per trial.

    Trials without a value are left out. None if fewer than ``N_TRIALS_NEEDED`` are left, or
    all values are equal.
    """
    pairs = [(v, final) for v, final in zip(values, finals, strict=True) if v is not None]
    if len(pairs) < N_TRIALS_NEEDED or len({value for value, _ in pairs}) == 1:
        return None
    value, final = np.array(pairs).T
    rng = np.random.default_rng(_SEED)
    chosen = rng.integers(len(pairs), size=(N_RESAMPLES, len(pairs)))
    resampled = _rowwise_rho(value[chosen], final[chosen])
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return RankCorrelation(
        rho=float(spearmanr(value, final).statistic),
        low=float(low),
        high=float(high),
        n_trials=len(pairs),
    )


def _rowwise_rho(values_RN: np.ndarray, finals_RN: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each row; NaN for a constant row.

    Shapes: R resamples, N trials.
    """
    ranks = [rankdata(rows, axis=1) for rows in (values_RN, finals_RN)]
    first, second = (rows - rows.mean(axis=1, keepdims=True) for rows in ranks)
    norms = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    with np.errstate(invalid="ignore"):
        correlations: np.ndarray = (first * second).sum(axis=1) / norms
    return correlations


def early_point_values(record: TrialRecord) -> dict[str, float]:
    """Score and loss at the last point in the first ``EARLY`` of the budget; empty without one."""
    clock = record.config.objective.clock
    bound = EARLY * record.config.horizon
    early = [point for point in record.curve if point.at(clock) <= bound]
    return {"score": early[-1].score, "loss": early[-1].loss} if early else {}


def _dynamics(name: str) -> Callable[[TrialRecord], float | None]:
    """Function to a trial's measure ``name`` of the dynamics, at the first validation with one."""

    def value(record: TrialRecord) -> float | None:
        if not record.dynamics:
            return None
        return record.dynamics[min(record.dynamics, key=int)].get(name)

    return value


def early_measures(metric: str) -> Mapping[str, Callable[[TrialRecord], float | None]]:
    """Values of a trial that are known before it has ended, by their headings."""
    return {
        "parameters, total": lambda record: float(record.counts.total),
        "parameters, learned": lambda record: float(record.counts.learned),
        "depth": lambda record: float(record.encoder.depth),
        f"{metric} after {EARLY:.0%} of the budget": lambda r: early_point_values(r).get("score"),
        f"loss after {EARLY:.0%} of the budget": lambda r: early_point_values(r).get("loss"),
        "Lyapunov exponent, first validation": _dynamics("lyapunov"),
        "token spread, first validation": _dynamics("relative_token_spread"),
        "effective dimension, first validation": _dynamics("effective_dimension"),
    }


def predictions(records: Sequence[TrialRecord]) -> dict[str, RankCorrelation]:
    """Rank correlation of early measures with the final AUCC of the completed trials.

    Measures that too few trials have, or that are equal in all of them, are left out.
    """
    completed = [r for r in records if r.state == "completed" and r.aucc is not None]
    finals = [record.aucc or 0.0 for record in completed]
    correlations = {
        name: rank_correlation([measure(record) for record in completed], finals)
        for name, measure in early_measures(score_name(records)).items()
    }
    return {name: found for name, found in correlations.items() if found is not None}
