from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from search.schedule.extrapolation_scheduler import MIN_COMPLETED
from search.schedule.schedulers import make_scheduler, show_earlier, show_other_studies
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from spaces.counts import ParamCounts
from tests.search.conftest import curve_point
from trainable.trial_result import trial_result

Study = Callable[..., StudyConfig]
Make = Callable[..., TrialRecord]
SETTINGS = {"name": "extrapolation", "grace": 4}


def triangle(make_record: Make, slope: float, id_: int = 0, mparams: float = 1.0) -> TrialRecord:
    """A completed trial whose BLEU rises evenly: its AUCC is 12 x 12 slope / 2."""
    n = int(1e6 * mparams)
    return make_record(
        id_,
        curve=tuple(curve_point(updates, slope * updates) for updates in (4, 8, 12)),
        aucc=72 * slope,
        objective=72 * slope / mparams,
        counts=ParamCounts(total=n, learned=n, stored=n, encoder=n),
    )


def shown(record: TrialRecord, n_points: int) -> dict[str, Any]:
    """What the trial reports after so many validations."""
    area, _ = record.so_far(n_points)
    return trial_result(
        record.curve[:n_points],
        area=area,
        objective=StudyConfig.model_validate(
            {"name": "x", "data": "d", "space": {}, "budget": {"updates": 12}}
        ).objective,
        counts=record.counts,
        finished=n_points == len(record.curve),
        n_epochs=1.0,
        peak_memory_bytes=1,
    )


def decision(scheduler: TrialScheduler, record: TrialRecord, n_points: int) -> str:
    trial = Trial("new", trial_id="new", stub=True)
    scheduler.on_trial_add(None, trial)
    return str(scheduler.on_trial_result(None, trial, shown(record, n_points)))


def several(make_record: Make) -> list[TrialRecord]:
    return [triangle(make_record, 1 + id_ / 10, id_) for id_ in range(MIN_COMPLETED + 1)]


def after(config: StudyConfig, records: list[TrialRecord]) -> TrialScheduler:
    scheduler = make_scheduler(config)
    show_earlier(scheduler, records)
    return scheduler


def test_it_stops_a_hopeless_trial_and_no_likely_winner(tiny_study: Study, make_record: Make):
    scheduler = after(tiny_study(scheduler=SETTINGS), several(make_record))
    assert decision(scheduler, triangle(make_record, 0.3), 2) == TrialScheduler.STOP
    assert decision(scheduler, triangle(make_record, 1.6), 1) == TrialScheduler.CONTINUE
    assert decision(scheduler, triangle(make_record, 1.6), 2) == TrialScheduler.CONTINUE


@pytest.mark.parametrize("n_points", [1, 2])
def test_a_trial_that_has_beaten_the_best_already_is_never_stopped(
    tiny_study: Study, make_record: Make, n_points: int
):
    config = tiny_study(scheduler={**SETTINGS, "risk": 0.999})
    scheduler = after(config, several(make_record))
    # 100 times smaller: any area so far is more for a parameter than the best has at its end.
    small = triangle(make_record, 1.0, mparams=0.01)
    assert decision(scheduler, small, n_points) == TrialScheduler.CONTINUE


def test_parameters_decide_before_the_curve_does(tiny_study: Study, make_record: Make):
    scheduler = after(tiny_study(scheduler=SETTINGS), several(make_record))
    large = triangle(make_record, 1.5, mparams=3.0)
    assert decision(scheduler, large, 1) == TrialScheduler.STOP


def test_before_the_grace_nothing_is_stopped(tiny_study: Study, make_record: Make):
    scheduler = after(tiny_study(scheduler={**SETTINGS, "grace": 5}), several(make_record))
    hopeless = triangle(make_record, 0.1)
    assert decision(scheduler, hopeless, 1) == TrialScheduler.CONTINUE
    assert decision(scheduler, hopeless, 2) == TrialScheduler.STOP


def test_with_too_few_completed_trials_nothing_is_stopped(tiny_study: Study, make_record: Make):
    records = several(make_record)[: MIN_COMPLETED - 1]
    stopped = [dataclasses.replace(r, id=9 + r.id, state="stopped") for r in records]
    scheduler = after(tiny_study(scheduler=SETTINGS), [*records, *stopped])
    assert decision(scheduler, triangle(make_record, 0.1), 2) == TrialScheduler.CONTINUE


def test_a_best_trial_below_the_lowest_score_allowed_is_nobodys_rival(
    tiny_study: Study, make_record: Make
):
    # Of the six the best reaches 1.5 x 12 = 18 BLEU.
    config = tiny_study(scheduler=SETTINGS, objective={"min_score": 19.0})
    scheduler = after(config, several(make_record))
    assert decision(scheduler, triangle(make_record, 0.3), 2) == TrialScheduler.CONTINUE


def test_a_resumed_scheduler_decides_as_the_first_one_would(tiny_study: Study, make_record: Make):
    config = tiny_study(scheduler=SETTINGS)
    first = make_scheduler(config)
    for record in several(make_record):
        trial = Trial("ended", trial_id=f"t{record.id}", stub=True)
        first.on_trial_add(None, trial)
        first.on_trial_complete(None, trial, shown(record, 3))
    failed = Trial("failed", trial_id="failed", stub=True)
    first.on_trial_complete(None, failed, {"failure": "Diverged", "done": True})
    resumed = after(config, several(make_record))
    for slope in (0.3, 0.8, 0.9, 1.0, 1.1, 1.3):
        for n_points in (1, 2):
            trial = triangle(make_record, slope)
            assert decision(first, trial, n_points) == decision(resumed, trial, n_points)


def test_curves_of_other_studies_teach_forecasts_and_set_no_mark_to_beat(
    tiny_study: Study, make_record: Make
):
    scheduler = make_scheduler(tiny_study(scheduler=SETTINGS))
    show_other_studies(scheduler, several(make_record))
    weak = triangle(make_record, 0.3)
    assert decision(scheduler, weak, 2) == TrialScheduler.CONTINUE
    own = Trial("own", trial_id="own", stub=True)
    scheduler.on_trial_complete(None, own, shown(triangle(make_record, 1.0), 3))
    assert decision(scheduler, weak, 2) == TrialScheduler.STOP
