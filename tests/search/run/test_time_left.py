from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

import search.run.time_left
from search.run.time_left import TimeLeft, spent_share
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord

Make = Callable[..., StudyConfig]
Record = Callable[..., TrialRecord]


def test_a_trial_counts_by_the_share_of_its_budget(tiny_study: Make, make_record: Record):
    config = tiny_study(budget={"updates": 16})
    half = make_record(1)
    half = make_record(1, state="running", curve=half.curve[:2])  # 8 of 16 updates
    begun = make_record(2, state="running", curve=())
    shares = [spent_share(config, record) for record in (begun, half, make_record(0))]
    assert shares == [0, 0.5, 0.75]  # of 16 updates none, 8 and 12


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, as a list of its reading."""
    reading = [100.0]
    monkeypatch.setattr(search.run.time_left.time, "monotonic", lambda: reading[0])
    return reading


def test_the_rest_takes_as_long_as_what_this_session_trained(
    tiny_study: Make, make_record: Record, clock: list[float]
):
    config = tiny_study(budget={"updates": 12}, scheduler={"name": "none", "grace": None})
    whole = make_record(1)
    (first, *_), last = whole.curve, whole.curve[-1]
    assert last.updates == 12
    earlier = [make_record(0)]
    left = TimeLeft(config, earlier, None)
    assert left.seconds(earlier, 5) is None  # another session's trials tell no pace
    clock[0] += 20.0 + first.seconds  # the processes start in 20 s, and a third of a trial trains
    begun = make_record(1, state="running", curve=(first,))
    third_s = first.seconds
    assert left.seconds([*earlier, begun], 3) == pytest.approx(third_s * (2 + 3 * 3))
    clock[0] += 4 * third_s
    half = make_record(2, state="running", curve=whole.curve[:2])
    # A trial and two thirds in five times that; three trials and a third are left.
    assert left.seconds([*earlier, whole, half], 3) == pytest.approx(third_s * 10)


def test_a_trial_that_begins_again_takes_nothing_from_what_was_trained(
    tiny_study: Make, make_record: Record, clock: list[float]
):
    """As a deletion that was stopped by an earlier version, while another trial is trained."""
    config = tiny_study(budget={"updates": 12}, scheduler={"name": "none", "grace": None})
    other, whole = make_record(0, state="stopped"), make_record(1)
    left = TimeLeft(config, [other], None)
    clock[0] += whole.curve[-1].seconds
    again = make_record(0, state="running", curve=())
    assert left.seconds([again, whole], 0) == pytest.approx(whole.curve[-1].seconds)


def test_what_the_scheduler_spares_is_expected_and_then_learned(
    tiny_study: Make, make_record: Record, clock: list[float]
):
    """Trials of two minutes that the scheduler may stop at half: 0.75 of the budget at least."""
    config = tiny_study(
        budget={"updates": 8},
        validation={"interval_updates": 4},
        scheduler={"name": "asha", "grace": 4, "reduction_factor": 2},
    )
    n_trials, half_s = 40, 60.0

    def left_when(n_ended: int, of_the_trials: str) -> float:
        left = TimeLeft(config, [], None)
        n_halves, state = (1, "stopped") if of_the_trials == "stopped" else (2, "completed")
        curve = tuple(
            dataclasses.replace(point, seconds=half_s * n)
            for n, point in enumerate(make_record().curve[:n_halves], start=1)
        )
        records = [make_record(id_, state=state, curve=curve) for id_ in range(n_ended)]
        clock[0] += half_s * n_halves  # the first
        left.seconds(records[:1], n_trials - 1)
        clock[0] += half_s * n_halves * (n_ended - 1)
        told = left.seconds(records, n_trials - n_ended)
        assert told is not None
        return told / (half_s * n_halves * (n_trials - n_ended))

    for of_the_trials in ("stopped", "completed"):
        ratios = [left_when(n_ended, of_the_trials) for n_ended in (1, 4, 16, 36)]
        assert all(0.5 < ratio < 2.0 for ratio in ratios)
        wrongness = [abs(ratio - 1.0) for ratio in ratios]
        assert wrongness == sorted(wrongness, reverse=True)
        assert wrongness[-1] < 0.1


def test_the_first_minutes_lean_on_the_estimate(
    tiny_study: Make, make_record: Record, clock: list[float]
):
    """The first trial runs alone for a while, and so a whole one seems to take five minutes."""
    config = tiny_study(budget={"updates": 12}, scheduler={"name": "none", "grace": None})
    (first, *_) = make_record().curve
    begun = make_record(0, state="running", curve=(dataclasses.replace(first, seconds=100.0),))
    told = [TimeLeft(config, [], expected_s).seconds([begun], 9) for expected_s in (30.0, None)]
    # A third of a trial in 100 s, and two in 30 s each.
    assert told == pytest.approx([160 / (2 + 1 / 3) * (9 + 2 / 3), 300 * (9 + 2 / 3)])
    many = [make_record(id_) for id_ in range(200)]
    left = TimeLeft(config, [], 30.0)
    left.seconds([begun], 9)
    clock[0] += 200 * 300.0
    assert left.seconds(many, 10) == pytest.approx(10 * 300, rel=0.02)
