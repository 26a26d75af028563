"""A scheduler beside references: it stops none, and those that cannot win it does not see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from search.schedule.schedulers import OBJECTIVE, make_scheduler, show_earlier
from search.schedule.sparing_scheduler import SparingScheduler
from search.study.config import StudyConfig
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord

Study = Callable[..., StudyConfig]
Make = Callable[..., TrialRecord]


@pytest.fixture(params=["asha", "median"])
def scheduler(
    request: pytest.FixtureRequest, tiny_study: Study, make_record: Make, tmp_path: Path
) -> SparingScheduler:
    """One that has seen good trials; trial 8 is Model 0, 9 a deletion outside of the space."""
    ledger = Ledger(tmp_path / "trials.jsonl", {})
    ledger.put(make_record(7))
    ledger.put(make_record(8, reference="model0"))
    ledger.put(make_record(9, reference="deletion", optuna_number=None))
    inner = make_scheduler(tiny_study(scheduler={"name": request.param, "grace": 4}))
    show_earlier(inner, [make_record(id_) for id_ in range(6)])
    return SparingScheduler(inner, ledger, lambda record: record.reference is not None)


def decision(scheduler: TrialScheduler, id_: int, objective: float) -> str:
    trial = Trial("stub", config={"id": id_}, trial_id=f"t{id_}", stub=True)
    scheduler.on_trial_add(None, trial)
    result = {"updates": 4, OBJECTIVE: objective, "done": False}
    return str(scheduler.on_trial_result(None, trial, result))


def test_a_reference_is_never_stopped_and_others_are(scheduler: SparingScheduler):
    assert decision(scheduler, 7, 0.01) == TrialScheduler.STOP
    assert decision(scheduler, 8, 0.01) == TrialScheduler.CONTINUE
    assert decision(scheduler, 9, 0.01) == TrialScheduler.CONTINUE


def test_no_trial_has_to_beat_a_reference_that_cannot_win(scheduler: SparingScheduler):
    before = decision(scheduler, 7, 5.0)
    for _ in range(20):
        decision(scheduler, 9, 1e9)
    assert before == decision(scheduler, 7, 5.0) == TrialScheduler.CONTINUE


def test_a_resumed_scheduler_is_not_shown_what_cannot_win(tiny_study: Study, make_record: Make):
    fresh = make_scheduler(tiny_study(scheduler={"name": "asha", "grace": 4}))
    outside = [make_record(id_, reference="deletion", optuna_number=None) for id_ in range(6)]
    show_earlier(fresh, outside)
    trial = Trial("stub", trial_id="new", stub=True)
    fresh.on_trial_add(None, trial)
    result = {"updates": 4, OBJECTIVE: 0.01, "done": False}
    assert fresh.on_trial_result(None, trial, result) == TrialScheduler.CONTINUE
