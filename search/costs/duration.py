"""Bounds of the time that trials will take."""

from __future__ import annotations

from math import ceil

from search.costs.pace import Pace
from search.costs.study_sizes import ModelSize, middle_size
from search.costs.work import Work
from search.study.config import StudyConfig

# Seconds of an update ÷ those measured, alone or beside other trials, which share its memory.
_SLOWER_ALONE, _SLOWER_BESIDE_OTHERS = (0.9, 1.2), (0.9, 1.6)
# Seconds of a validation ÷ those measured: trained models end their sentences earlier.
_VALIDATION = (0.3, 1.0)
_CHECKPOINTS = (1.0, 1.1)  # time of a trial with checkpoints and reports ÷ without
_FILLED = 0.88  # target tokens of an update ÷ batch_tokens: 0.88 to 0.89 on our corpora
_START_S = 15.0  # start of the first processes


def work_seconds(work: Work, *, n_concurrent: int, pace: Pace | None) -> tuple[float, float] | None:
    """Lower and upper bound of the work's duration, in seconds.

    The fewest trials are half way from the smallest to the middle model on average, and stopped
    as early as the scheduler may; the most are half way to the largest, and never stopped.

    Args:
        work: the trials.
        n_concurrent: number of trials that run at once.
        pace: of the middle model; None if not measured.

    Returns:
        None if neither the pace nor a budget of seconds is known.
    """
    trials = _sizes_seconds(work, n_concurrent, pace)
    if trials is None:
        return None
    smallest, middle, largest = trials
    groups, rest = divmod(work.n_most, work.n_together)
    rounds = groups * ceil(work.n_together / n_concurrent) + ceil(rest / n_concurrent)
    least = work.n_least / n_concurrent * (smallest[0] + middle[0]) / 2 * _least_share(work.config)
    most = rounds * (middle[1] + largest[1]) / 2
    return _CHECKPOINTS[0] * least, _CHECKPOINTS[1] * most + _START_S


def likely_seconds(work: Work, *, n_concurrent: int, pace: Pace | None) -> float | None:
    """The work's duration, if nothing goes to an extreme: between the bounds of ``work_seconds``.

    The average trial is half as often the smallest or the largest model as the middle one, and
    half of what the scheduler may spare is spared.

    Args:
        work, n_concurrent, pace: as of ``work_seconds``.
    """
    whole_s = likely_trial_seconds(work, n_concurrent=n_concurrent, pace=pace)
    if whole_s is None:
        return None
    n_rounds = max(1.0, (work.n_least + work.n_most) / 2 / n_concurrent)
    return n_rounds * whole_s * likely_share(work.config) + _START_S


def likely_trial_seconds(work: Work, *, n_concurrent: int, pace: Pace | None) -> float | None:
    """The duration of an average trial that spends its whole budget.

    Args:
        work, n_concurrent, pace: as of ``work_seconds``.
    """
    trials = _sizes_seconds(work, n_concurrent, pace)
    if trials is None:
        return None
    smallest, middle, largest = (sum(bounds) / 2 for bounds in trials)
    return (smallest + 2 * middle + largest) / 4 * sum(_CHECKPOINTS) / 2


def likely_share(config: StudyConfig) -> float:
    """Share of its budget that a trial spends if half of what may be spared is spared."""
    return (1 + _least_share(config)) / 2


def _sizes_seconds(
    work: Work, n_concurrent: int, pace: Pace | None
) -> list[tuple[float, float]] | None:
    """Bounds of the seconds of a trial of the smallest, the middle and the largest model."""
    ordered = sorted(work.sizes, key=lambda size: size.training_flops)
    slower = _SLOWER_ALONE if n_concurrent == 1 else _SLOWER_BESIDE_OTHERS
    known = [
        seconds
        for size in (ordered[0], middle_size(work.sizes), ordered[-1])
        if (seconds := _trial_seconds(work.config, size, pace, slower)) is not None
    ]
    return known or None  # a pace tells all of them or none


def _trial_seconds(
    config: StudyConfig, size: ModelSize, pace: Pace | None, slower: tuple[float, float]
) -> tuple[float, float] | None:
    """Lower and upper bound of the seconds until the first of a trial's budgets is spent."""
    limit, flops = config.budget.seconds, _trial_flops(config, size)
    if pace is None:
        return None if limit is None or flops is not None else (limit, limit)
    update_s = _update_flops(size) / (pace.flops_per_s * config.ranks.n_ranks)
    n_updates = (limit or 0.0) / update_s if flops is None else flops / _update_flops(size)
    if limit is not None:
        n_updates = min(n_updates, limit / update_s)
    validations_s = n_updates / config.validation.interval_updates * pace.validation_s
    low, high = (
        n_updates * update_s * slower[end] + validations_s * _VALIDATION[end] for end in (0, 1)
    )
    return low, high


def _update_flops(size: ModelSize) -> float:
    return size.trial.train.batch_tokens * _FILLED * size.training_flops


def _trial_flops(config: StudyConfig, size: ModelSize) -> float | None:
    budget = config.budget
    limits = [budget.flops] if budget.flops is not None else []
    if budget.tokens is not None:
        limits.append(budget.tokens * size.training_flops)
    if budget.updates is not None:
        limits.append(budget.updates * _update_flops(size))
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
