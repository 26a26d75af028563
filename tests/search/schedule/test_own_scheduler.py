"""A user's own scheduler: that of the guide, and broken ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler

from search.schedule.schedulers import check_scheduler, make_scheduler, show_earlier
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from spaces.errors import UserError
from tests.search.guide_examples import example

Study = Callable[..., StudyConfig]

MORE = """
from ray.tune.schedulers import AsyncHyperBandScheduler


class Remembers(HalfOfBest):
    def __init__(self, metric, time_attr, grace_period, mode, max_t, reduction_factor):
        super().__init__(metric, time_attr, grace_period)
        self.given = mode, max_t, reduction_factor
        self.remembered = []

    def remember(self, record):
        self.remembered.append(record)


class NeedsMore(HalfOfBest):
    def __init__(self, patience): ...
"""


@pytest.fixture(autouse=True)
def module_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "my_schedulers.py").write_text(example("Your own scheduler") + MORE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("my_schedulers", None)


def decision(scheduler: TrialScheduler, updates: int, objective: float) -> str:
    result = {"updates": updates, "objective": objective}
    return str(scheduler.on_trial_result(None, Trial("new", stub=True), result))


def test_the_guides_scheduler_stops_what_is_far_behind_once_grace_is_over(tiny_study: Study):
    scheduler = make_scheduler(tiny_study(scheduler={"name": "my_schedulers:HalfOfBest"}))
    assert decision(scheduler, 4, 10.0) == TrialScheduler.CONTINUE
    assert decision(scheduler, 4, 4.0) == TrialScheduler.STOP
    assert decision(scheduler, 4, 6.0) == TrialScheduler.CONTINUE
    late = make_scheduler(tiny_study(scheduler={"name": "my_schedulers:HalfOfBest", "grace": 8}))
    assert decision(late, 4, 10.0) == TrialScheduler.CONTINUE
    assert decision(late, 4, 4.0) == TrialScheduler.CONTINUE


def test_it_is_given_what_its_constructor_names(tiny_study: Study):
    scheduler = make_scheduler(tiny_study(scheduler={"name": "my_schedulers:Remembers"}))
    assert scheduler.given == ("max", 12, 2.0)  # a budget of 12 updates


def test_it_is_shown_earlier_trials_where_it_can_remember_them(
    tiny_study: Study, make_record: Callable[..., TrialRecord]
):
    scheduler = make_scheduler(tiny_study(scheduler={"name": "my_schedulers:Remembers"}))
    forgetful = make_scheduler(tiny_study(scheduler={"name": "my_schedulers:HalfOfBest"}))
    for each in (scheduler, forgetful):
        show_earlier(each, [make_record(0)])
    assert scheduler.remembered == [make_record(0)]


def test_rays_own_are_named_by_their_import_path(tiny_study: Study):
    name = "ray.tune.schedulers:AsyncHyperBandScheduler"
    scheduler = make_scheduler(tiny_study(scheduler={"name": name}))
    assert isinstance(scheduler, AsyncHyperBandScheduler)
    assert scheduler.metric == "objective"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere_at_all:Mine", "no module 'nowhere_at_all' is installed or in "),
        ("pathlib:Path", "it is no scheduler of Ray Tune's"),
        ("my_schedulers:NeedsMore", "missing a required argument: 'patience'"),
    ],
)
def test_what_a_scheduler_lacks_is_told_in_a_line(tiny_study: Study, name: str, told: str):
    config = tiny_study(scheduler={"name": name})
    with pytest.raises(UserError) as error:
        check_scheduler(config)
    (line,) = str(error.value).split("\n")
    assert line.startswith(f"scheduler.name '{name}': ")
    assert told in line
