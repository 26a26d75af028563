"""The time of --for: how it is written, and when training stops."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from search.run import deadline as module
from search.run.deadline import CLOSING_S, Deadline
from search.run.trial_runner import _progress, _tell_not_finished
from search.run.until_deadline import UntilDeadline
from search.study.errors import NotFinished, WorkFailed
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from spaces.errors import UserError


@pytest.mark.parametrize(
    ("duration", "seconds"), [("90s", 90), ("9m", 540), ("1h", 3600), ("1.5m", 90)]
)
def test_a_time_is_a_number_with_its_unit(duration: str, seconds: float) -> None:
    before = time.monotonic()
    assert before <= Deadline.after(duration).at - seconds <= time.monotonic()


@pytest.mark.parametrize("duration", ["", "9", "9 m", "m", "-9m", "1h30m", "9d"])
def test_what_is_no_time_is_refused(duration: str) -> None:
    with pytest.raises(UserError, match="write 90s, 9m or 1h"):
        Deadline.after(duration)


def test_a_time_that_leaves_none_for_training_is_refused() -> None:
    with pytest.raises(UserError, match=f"--for {CLOSING_S:g}s: the end of the work alone"):
        Deadline.after(f"{CLOSING_S:g}s")


def test_training_stops_before_the_deadline_but_not_while_a_trial_is_saved_at_its_end(
    make_record: Callable[..., TrialRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    ledger = Ledger.open(tmp_path / "trials.jsonl")
    ledger.put(make_record(state="running"))
    stopper = UntilDeadline(Deadline.after("60s"), ledger)
    assert not stopper.stop_all()
    now = 60 - CLOSING_S
    assert stopper.stop_all()
    ledger.update_in_memory(0, state="completed")  # its last checkpoint is being saved
    assert not stopper.stop_all()
    ledger.write_down(0)
    assert stopper.stop_all()


def test_a_slice_without_progress_fails_instead_of_asking_for_the_same_again(
    make_record: Callable[..., TrialRecord], tmp_path: Path
) -> None:
    deadline = Deadline.after("9m")
    ledger = Ledger.open(tmp_path / "trials.jsonl")
    before = _progress(ledger)
    ledger.put(make_record(state="running", curve=()))
    assert _progress(ledger) == before
    with pytest.raises(WorkFailed, match="no trial came to a validation within 9m"):
        _tell_not_finished(ledger, deadline, "this", is_progress=False)
    ledger.put(make_record(state="running"))
    assert _progress(ledger) > before
    with pytest.raises(NotFinished, match="validation: 1; continue with: this"):
        _tell_not_finished(ledger, deadline, "this", is_progress=True)


def test_a_slice_that_ends_while_a_fault_lasts_tells_of_the_fault(
    make_record: Callable[..., TrialRecord], tmp_path: Path
) -> None:
    ledger = Ledger.open(tmp_path / "trials.jsonl")
    ledger.put(make_record(state="running", curve=(), reason="FileNotFoundError: data"))
    with pytest.raises(WorkFailed, match=r"^trial 0: FileNotFoundError: data; the time of --for"):
        _tell_not_finished(ledger, Deadline.after("9m"), "this", is_progress=False)
