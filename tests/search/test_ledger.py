from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from search.ledger import Ledger, read_records
from search.trial_record import TrialRecord

Make = Callable[..., TrialRecord]


def test_a_record_survives_the_file(make_record: Make, tmp_path: Path):
    record = make_record(3, reason="because", mlflow_run_id="abc")
    Ledger(tmp_path / "trials.jsonl").put(record)
    assert read_records(tmp_path / "trials.jsonl") == {3: record}


def test_the_last_line_of_a_trial_counts(make_record: Make, tmp_path: Path):
    ledger = Ledger(tmp_path / "trials.jsonl")
    ledger.put(make_record(0, state="running"))
    ledger.update(0, state="failed", reason="NaN")
    (record,) = read_records(tmp_path / "trials.jsonl").values()
    assert (record.state, record.reason) == ("failed", "NaN")


def test_a_line_cut_short_by_a_crash_is_dropped(make_record: Make, tmp_path: Path):
    path = tmp_path / "trials.jsonl"
    ledger = Ledger(path)
    ledger.put(make_record(0))
    ledger.put(make_record(1))
    path.write_text(path.read_text()[:-40])
    assert sorted(read_records(path)) == [0]
    reopened = Ledger(path)
    reopened.put(make_record(2))
    assert sorted(read_records(path)) == [0, 2]


def test_reopening_leaves_one_line_a_trial(make_record: Make, tmp_path: Path):
    path = tmp_path / "trials.jsonl"
    ledger = Ledger(path)
    for _ in range(3):
        ledger.put(make_record(0))
    ledger.put(make_record(1))
    Ledger(path)
    assert len(path.read_text().splitlines()) == 2


def test_ids_go_on_from_the_last(make_record: Make, tmp_path: Path):
    ledger = Ledger(tmp_path / "trials.jsonl")
    assert ledger.next_id == 0
    ledger.put(make_record(4))
    assert ledger.next_id == 5
