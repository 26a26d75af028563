from __future__ import annotations

from collections.abc import Callable

import pytest

import search.run.time_left
from search.run.time_left import TimeLeft, n_ended
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord

Make = Callable[..., StudyConfig]
Record = Callable[..., TrialRecord]


def test_a_running_trial_counts_by_the_share_of_its_budget(tiny_study: Make, make_record: Record):
    config = tiny_study(budget={"updates": 16})
    half = make_record(1)
    half = make_record(1, state="running", curve=half.curve[:2])  # 8 of 16 updates
    begun = make_record(2, state="running", curve=())
    assert n_ended(config, [make_record(0, state="stopped"), half, begun]) == 1.5


def test_the_rest_takes_as_long_as_what_this_session_trained(
    tiny_study: Make, make_record: Record, monkeypatch: pytest.MonkeyPatch
):
    now = 100.0
    monkeypatch.setattr(search.run.time_left.time, "monotonic", lambda: now)
    config = tiny_study(budget={"updates": 16})
    earlier = [make_record(0)]
    left = TimeLeft(config, earlier)
    assert left.seconds(earlier, 5) is None  # another session's trials tell no pace
    now += 30.0
    half = make_record(2, state="running", curve=make_record().curve[:2])
    # One and a half trials in 30 s; three and a half are left.
    assert left.seconds([*earlier, make_record(1), half], 3) == pytest.approx(20.0 * 3.5)
