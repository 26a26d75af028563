"""Ray Tune's schedulers by the names that a study file uses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import (
    AsyncHyperBandScheduler,
    FIFOScheduler,
    MedianStoppingRule,
    TrialScheduler,
)

from search.private.tune import clock_of, results_of, trial_stub
from search.schedule.extrapolation_scheduler import ExtrapolationScheduler
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord

METRIC = "objective"


class PatientMedianRule(MedianStoppingRule):  # type: ignore[misc]
    """Ray's rule, which stumbles over failed trials and has no memory of earlier drivers."""

    def on_trial_complete(self, controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        if clock_of(self) in result:  # a failed trial has no clock
            super().on_trial_complete(controller, trial, result)

    def remember(self, trial: Trial, results: Sequence[dict[str, Any]]) -> None:
        """Compare later trials with ``results`` too; nothing is decided of this one."""
        results_of(self, trial).extend(results)


def make_scheduler(config: StudyConfig) -> TrialScheduler:
    """The scheduler that the study names, comparing trials on its clock."""
    clock = config.scheduler_clock
    budget, grace = config.budget.on(clock), config.scheduler_grace
    if config.scheduler.name == "none" or budget is None or grace is None:
        return FIFOScheduler()
    if config.scheduler.name == "extrapolation":
        return ExtrapolationScheduler(config, grace=grace)
    if config.scheduler.name == "asha":
        return AsyncHyperBandScheduler(
            time_attr=clock,
            metric=METRIC,
            mode="max",
            max_t=budget,
            grace_period=grace,
            reduction_factor=config.scheduler.reduction_factor,
            brackets=1,  # more would be drawn from NumPy's global generator
        )
    return PatientMedianRule(
        time_attr=clock,
        metric=METRIC,
        mode="max",
        grace_period=grace,
        min_time_slice=math.inf,  # never pause a trial: its ranks would be lost
    )


def show_other_studies(scheduler: TrialScheduler, records: Sequence[TrialRecord]) -> None:
    """Show ``scheduler`` completed trials of other studies, where it can learn from them.

    Only forecasts can: rungs and medians would stop this study's trials for losing to others.
    """
    if isinstance(scheduler, ExtrapolationScheduler):
        for record in records:
            scheduler.learn_curve(record)


def show_earlier(scheduler: TrialScheduler, records: Sequence[TrialRecord]) -> None:
    """Show ``scheduler`` earlier trials, so that it decides as if it had seen them."""
    for record in records:
        if isinstance(scheduler, ExtrapolationScheduler):
            scheduler.remember(record)
            continue
        trial = trial_stub(f"recorded-{record.id}")
        results = []
        for n_points, point in enumerate(record.curve, start=1):
            _, objective = record.so_far(n_points)
            results.append({**point.to_dict(), METRIC: objective})
        if isinstance(scheduler, PatientMedianRule):
            scheduler.remember(trial, results)
            continue
        scheduler.on_trial_add(None, trial)
        for result in results:
            scheduler.on_trial_result(None, trial, result)
