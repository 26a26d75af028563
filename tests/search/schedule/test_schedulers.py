from __future__ import annotations

from collections.abc import Callable

import pytest
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from search.schedule.schedulers import OBJECTIVE, make_scheduler, show_earlier
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from spaces.errors import UserError
from tests.search.conftest import curve_point

Study = Callable[..., StudyConfig]
Make = Callable[..., TrialRecord]


def decision_at(scheduler: TrialScheduler, updates: int, objective: float) -> str:
    trial = Trial("new", trial_id="new", stub=True)
    scheduler.on_trial_add(None, trial)
    return str(
        scheduler.on_trial_result(
            None, trial, {"updates": updates, OBJECTIVE: objective, "done": 0}
        )
    )


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_resumed_scheduler_stops_what_the_first_driver_would_have_stopped(
    tiny_study: Study, make_record: Make, name: str
):
    config = tiny_study(scheduler={"name": name, "grace": 4})
    fresh, resumed = make_scheduler(config), make_scheduler(config)
    records = [
        make_record(id_, curve=tuple(curve_point(updates, 20) for updates in (4, 8, 12)))
        for id_ in range(4)
    ]
    show_earlier(resumed, records)
    # 4 x 20 / 2 = 40 BLEU x updates over 2 M parameters: an objective of 20 at update 4.
    assert decision_at(resumed, 4, 1.0) == TrialScheduler.STOP
    assert decision_at(resumed, 8, 100.0) == TrialScheduler.CONTINUE
    assert decision_at(fresh, 4, 1.0) == TrialScheduler.CONTINUE


def test_a_trial_that_another_budget_ended_is_shown_as_it_was_reported(
    tiny_study: Study, make_record: Make
):
    """With its last score held to the horizon: 200 BLEU x updates at update 8, and not 120."""
    scheduler = make_scheduler(tiny_study(scheduler={"name": "asha", "grace": 8}))
    curve = tuple(curve_point(updates, 20) for updates in (4, 8))
    show_earlier(scheduler, [make_record(0, curve=curve, aucc=200.0, objective=100.0)])
    assert decision_at(scheduler, 8, 80.0) == TrialScheduler.STOP


def test_a_failed_trial_without_a_curve_leaves_no_trace_in_the_rungs(
    tiny_study: Study, make_record: Make
):
    scheduler = make_scheduler(tiny_study())
    show_earlier(scheduler, [make_record(0, state="failed", curve=())])
    assert decision_at(scheduler, 4, 0.1) == TrialScheduler.CONTINUE


def test_no_scheduler_stops_nothing(tiny_study: Study):
    scheduler = make_scheduler(tiny_study(scheduler={"name": "none"}))
    assert decision_at(scheduler, 4, 0.0) == TrialScheduler.CONTINUE


def test_median_stopping_survives_a_failed_trial_and_weak_curves_of_earlier_drivers(
    tiny_study: Study, make_record: Make
):
    scheduler = make_scheduler(tiny_study(scheduler={"name": "median", "grace": 4}))
    strong = tuple(curve_point(updates, 20) for updates in (4, 8, 12))
    weak = tuple(curve_point(updates, 0) for updates in (4, 8, 12))
    records = [make_record(id_, curve=strong) for id_ in range(4)] + [make_record(4, curve=weak)]
    show_earlier(scheduler, records)
    failed = Trial("failed", trial_id="failed", stub=True)
    scheduler.on_trial_add(None, failed)
    scheduler.on_trial_complete(None, failed, {"failure": "Diverged", "done": True})
    assert decision_at(scheduler, 8, 1.0) == TrialScheduler.STOP


@pytest.mark.parametrize("name", ["asha", "median"])
def test_of_a_loss_the_higher_trial_is_stopped(tiny_study: Study, make_record: Make, name: str):
    config = tiny_study(scheduler={"name": name, "grace": 4}, objective={"name": "loss"})
    resumed = make_scheduler(config)
    # The losses are 8 - score / 10: 6.0 at each validation.
    curve = tuple(curve_point(updates, 20) for updates in (4, 8, 12))
    trial = make_record().config.model_copy(update={"objective": config.objective})
    records = [make_record(id_, config=trial, curve=curve, objective=6.0) for id_ in range(4)]
    show_earlier(resumed, records)
    assert decision_at(resumed, 4, 7.0) == TrialScheduler.STOP
    assert decision_at(resumed, 4, 3.0) == TrialScheduler.CONTINUE


def test_extrapolation_is_refused_for_what_it_does_not_forecast(tiny_study: Study):
    with pytest.raises(UserError, match=r"forecasts the AUCC.*use asha, median or none"):
        tiny_study(scheduler={"name": "extrapolation"}, objective={"name": "score"})
