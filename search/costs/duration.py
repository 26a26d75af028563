"""Bounds of the time that trials will take."""

from __future__ import annotations

from math import ceil

from search.costs.study_sizes import ModelSize
from search.costs.work import Work
from search.study.config import StudyConfig

# FLOPs a second of training, as a share of the rate of matrix products of the same shapes: 60 to
# 90 % in the benchmarks, less where layers are narrow or parallel trials share a machine's memory.
_EFFICIENCY = (0.35, 0.9)
_VALIDATION = (1.05, 1.4)  # time of a trial with validations and checkpoints ÷ training alone
_FILLED = 0.88  # target tokens of an update ÷ batch_tokens: 0.88 to 0.89 on our corpora
_START_S = 20.0  # start of Ray and of the first processes


def work_seconds(
    work: Work, *, n_concurrent: int, rate: float | None
) -> tuple[float, float] | None:
    """Lower and upper bound of the work's duration, in seconds.

    Args:
        work: the trials.
        n_concurrent: number of trials that run at once.
        rate: FLOPs a second of a rank's matrix products; None if not measured.

    Returns:
        None if neither the rate nor a budget of seconds is known.
    """
    trials = [_trial_seconds(work.config, size, rate) for size in work.sizes]
    bounds = [seconds for seconds in trials if seconds is not None]
    if not bounds:
        return None
    rounds = ceil(work.n_most / work.n_together) * ceil(work.n_together / n_concurrent)
    shortest = min(low for low, _ in bounds) * _least_share(work.config)
    least = work.n_least / n_concurrent * shortest
    most = rounds * max(high for _, high in bounds)
    return _VALIDATION[0] * least, _VALIDATION[1] * most + _START_S


def _trial_seconds(
    config: StudyConfig, size: ModelSize, rate: float | None
) -> tuple[float, float] | None:
    """Lower and upper bound of the seconds until the first of a trial's budgets is spent."""
    limit = config.budget.seconds
    flops = _trial_flops(config, size)
    if flops is None or rate is None:
        return None if limit is None else (limit, limit)
    low, high = (
        flops / (rate * config.ranks.n_ranks * efficiency) for efficiency in reversed(_EFFICIENCY)
    )
    return (low, high) if limit is None else (min(low, limit), min(high, limit))


def _trial_flops(config: StudyConfig, size: ModelSize) -> float | None:
    budget = config.budget
    limits = [budget.flops] if budget.flops is not None else []
    if budget.tokens is not None:
        limits.append(budget.tokens * size.training_flops)
    if budget.updates is not None:
        n_tokens = budget.updates * size.train.batch_tokens * _FILLED
        limits.append(n_tokens * size.training_flops)
    return min(limits, default=None)


def _least_share(config: StudyConfig) -> float:
    """Share of the budgets that is spent if the scheduler stops trials as early as it may."""
    budget, grace = config.budget.on(config.scheduler_clock), config.scheduler_grace
    if config.scheduler.name == "none" or budget is None or grace is None:
        return 1.0
    if config.scheduler.name != "asha":
        return min(1.0, grace / budget)
    factor, rung, share_left, spent = config.scheduler.reduction_factor, grace, 1.0, 0.0
    before = 0.0
    while rung < budget:  # one trial in ``factor`` goes on from each rung
        spent += share_left * (rung - before)
        share_left, before, rung = share_left / factor, rung, rung * factor
    return (spent + share_left * (budget - before)) / budget
