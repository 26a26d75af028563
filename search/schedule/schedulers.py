"""Ray Tune's schedulers by the names that a study file uses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from ray.tune.experiment import Trial
from ray.tune.schedulers import (
    AsyncHyperBandScheduler,
    FIFOScheduler,
    MedianStoppingRule,
    TrialScheduler,
)

from search.schedule.extrapolation_scheduler import ExtrapolationScheduler
from search.study.bounds import least_score
from search.study.config import StudyConfig
from search.study.import_path import construct, import_class, is_import_path
from search.study.trial_record import TrialRecord
from spaces.errors import UserError
from trainable.private.tune import clock_of, results_of, trial_stub

OBJECTIVE = "objective"
SETTING = "scheduler.name"


class PatientMedianRule(MedianStoppingRule):  # type: ignore[misc]
    """Ray's median rule that also accepts failed trials and the results of earlier sessions."""

    def on_trial_complete(self, controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        if clock_of(self) in result:  # a failed trial has no clock
            super().on_trial_complete(controller, trial, result)

    def add_results(self, trial: Trial, results: Sequence[dict[str, Any]]) -> None:
        """Compare later trials with ``results`` too; nothing is decided of this one."""
        results_of(self, trial).extend(results)


@runtime_checkable
class Remembering(Protocol):
    """A scheduler that learns from the trials of earlier drivers, one record each."""

    def remember(self, record: TrialRecord) -> None:
        """Learn from an ended trial; returns no decision."""


def check_scheduler(config: StudyConfig) -> None:
    """See whether the study's scheduler can be had here.

    Raises:
        UserError: a user's own is not there, or is no scheduler.
    """
    make_scheduler(config)


def make_scheduler(
    config: StudyConfig, records: Callable[[], Sequence[TrialRecord]] = tuple
) -> TrialScheduler:
    """The scheduler that the study names, comparing trials on its clock.

    Args:
        config: the study.
        records: gives its trials, for a bound that is a part of Model 0's score.

    Raises:
        UserError: a user's own is not there, or is no scheduler.
    """
    clock = config.scheduler_clock
    budget, grace = config.budget.on(clock), config.scheduler_grace
    if config.scheduler.name == "none" or budget is None or grace is None:
        return FIFOScheduler()
    mode = "min" if config.objective.falls else "max"
    if is_import_path(config.scheduler.name):
        return _own_scheduler(config, mode=mode, max_t=budget, grace=grace)
    if config.scheduler.name == "extrapolation":
        return ExtrapolationScheduler(
            config, grace=grace, least_score=lambda: least_score(config.objective, records())
        )
    if config.scheduler.name == "asha":
        return AsyncHyperBandScheduler(
            time_attr=clock,
            metric=OBJECTIVE,
            mode=mode,
            max_t=budget,
            grace_period=grace,
            reduction_factor=config.scheduler.reduction_factor,
            brackets=1,  # more would be drawn from NumPy's global generator
        )
    return PatientMedianRule(
        time_attr=clock,
        metric=OBJECTIVE,
        mode=mode,
        grace_period=grace,
        min_time_slice=math.inf,  # never pause a trial: its ranks would be lost
    )


def _own_scheduler(config: StudyConfig, *, mode: str, max_t: float, grace: float) -> TrialScheduler:
    """A user's own, with as much of the study's conventions as its constructor names."""
    found = import_class(config.scheduler.name, setting=SETTING)
    if not issubclass(found, TrialScheduler):
        raise UserError(
            f"{SETTING} '{config.scheduler.name}': it is no scheduler of Ray Tune's; derive it "
            "from ray.tune.schedulers.TrialScheduler"
        )
    return construct(
        found,
        place=f"{SETTING} '{config.scheduler.name}'",
        time_attr=config.scheduler_clock,
        metric=OBJECTIVE,
        mode=mode,
        max_t=max_t,
        grace_period=grace,
        reduction_factor=config.scheduler.reduction_factor,
    )


def show_other_studies(scheduler: TrialScheduler, records: Sequence[TrialRecord]) -> None:
    """Show ``scheduler`` completed trials of other studies, where it can learn from them.

    Only forecasts can: rungs and medians would stop this study's trials for losing to others.
    """
    if isinstance(scheduler, ExtrapolationScheduler):
        for record in records:
            scheduler.learn_curve(record)


def show_earlier(scheduler: TrialScheduler, records: Sequence[TrialRecord]) -> None:
    """Show ``scheduler`` earlier trials, so that it decides as if it had seen them.

    Those that cannot win are left out: no trial has to beat them. A user's own is shown them
    only where it has a method ``remember(record)``.
    """
    for record in records:
        if not record.is_of_the_space:
            continue
        if not isinstance(scheduler, AsyncHyperBandScheduler | PatientMedianRule):
            if isinstance(scheduler, Remembering):
                scheduler.remember(record)
            continue
        trial = trial_stub(f"recorded-{record.id}")
        results = []
        for n_points, point in enumerate(record.curve, start=1):
            _, objective = record.so_far(n_points)
            results.append({**point.to_dict(), OBJECTIVE: objective})
        if isinstance(scheduler, PatientMedianRule):
            scheduler.add_results(trial, results)
            continue
        scheduler.on_trial_add(None, trial)
        for result in results:
            scheduler.on_trial_result(None, trial, result)
