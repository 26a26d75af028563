"""The judge finds each broken promise, and the readers each damage, in hand-made memories."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from tests.faults import judge
from tests.faults.deck import Deck
from tests.faults.faults import FAULTS
from tests.faults.harness import Outcome, Strike
from tests.faults.memories import (
    LedgerTrial,
    Memories,
    Unreadable,
    checkpointed_updates,
    read_ledger,
    read_memories,
    read_runs,
    weights_fault,
)
from tests.faults.table import BEGIN, END, put_table, table

STUDY = "0" * 32


def line(id_: int, **changes: Any) -> str:
    """A line of ``trials.jsonl`` as the search writes it, with the fields that are judged."""
    fields = {
        "id": id_,
        "key": f"candidate {id_}",
        "config": {
            "seed": 1,
            "budget": {"updates": 8},
            "validation": {"interval_updates": 4},
        },
        "optuna_number": id_,
        "state": "completed",
        "curve": [
            {"updates": 4, "seconds": 0.5, "score": 1.0, "loss": 3.0},
            {"updates": 8, "seconds": 0.9, "score": 2.0, "loss": 2.0},
        ],
        "aucc": 8.0,
        "objective": 10.0 + id_,
    }
    return json.dumps(fields | changes) + "\n"


def safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of two completed trials whose memories agree."""
    (tmp_path / "resolved.json").write_text(json.dumps({"id": STUDY}))
    (tmp_path / "trials.jsonl").write_text(line(0, state="running") + line(0) + line(1))
    operations = [{"op_code": 0, "study_name": "mine"}]
    for number in range(2):
        operations += [
            {"op_code": 4, "state": 4},
            {"op_code": 6, "trial_id": number, "state": 0, "values": None},
            {"op_code": 6, "trial_id": number, "state": 1, "values": [10.0 + number]},
        ]
    (tmp_path / "optuna.log").write_text("".join(json.dumps(o) + "\n" for o in operations))
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store, store:
        store.execute("create table runs (run_uuid, status, lifecycle_stage)")
        store.execute("create table tags (run_uuid, key, value)")
        store.execute("create table metrics (run_uuid, key, step, value)")
        store.execute("insert into runs values ('study', 'FINISHED', 'active')")
        store.execute("insert into tags values ('study', 'reservoir_search.study', ?)", (STUDY,))
        for number in range(2):
            add_run(store, f"run-{number}", number)
    for number in range(2):
        folder = tmp_path / f"ray/session-001/trial-{number:04d}/checkpoint_000001"
        folder.mkdir(parents=True)
        (folder / "best.safetensors").write_bytes(safetensors())
    return tmp_path


def add_run(store: sqlite3.Connection, run: str, trial: int) -> None:
    store.execute("insert into runs values (?, 'FINISHED', 'active')", (run,))
    tags = {
        "mlflow.parentRunId": "study",
        "reservoir_search.trial_id": str(trial),
        "state": "completed",
    }
    store.executemany("insert into tags values (?, ?, ?)", [(run, *tag) for tag in tags.items()])
    points = [("score", 4, 1.0), ("score", 8, 2.0), ("objective_final", 0, 10.0 + trial)]
    store.executemany("insert into metrics values (?, ?, ?, ?)", [(run, *p) for p in points])


def violations(study: Path, reference: dict[int, LedgerTrial] | None = None) -> list[str]:
    memories: Memories = read_memories(study)
    return [
        *judge.trained_twice(memories.ledger),
        *judge.unfinished(memories.ledger, 2),
        *judge.disagreements(memories),
        *judge.wrong_weights(memories),
        *judge.differences_from(reference or memories.ledger, memories.ledger),
    ]


def test_memories_that_agree_are_no_violation(study: Path):
    assert violations(study) == []


def rewrite(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(study: Path) -> None:
        text = (study / name).read_text()
        assert old in text
        (study / name).write_text(text.replace(old, new))

    return change


def append(text: str) -> Callable[[Path], None]:
    def change(study: Path) -> None:
        with (study / "trials.jsonl").open("a") as file:
            file.write(text)

    return change


def sql(statement: str) -> Callable[[Path], None]:
    def change(study: Path) -> None:
        with closing(sqlite3.connect(study / "mlflow.db")) as store, store:
            assert store.execute(statement).rowcount

    return change


def second_run(study: Path) -> None:
    with closing(sqlite3.connect(study / "mlflow.db")) as store, store:
        add_run(store, "run-2", 1)


def remove_weights(study: Path) -> None:
    (study / "ray/session-001/trial-0001/checkpoint_000001/best.safetensors").unlink()


def empty_weights(study: Path) -> None:
    (study / "ray/session-001/trial-0001/checkpoint_000001/best.safetensors").write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "violation"),
    [
        (append(line(1, key="candidate 0")), "2 trials of candidate 0"),
        (append(line(1, key="candidate 9")), "trial 1 is not in the unbroken study"),
        (append(line(2)), "the trials are [0, 1, 2], not 2"),
        (append(line(1, state="failed")), "trial 1 is failed"),
        (append(line(1, optuna_number=0)), "suggestion 0 has 2 trials"),
        (append(line(1, optuna_number=2)), "suggestion 2 of trial 1 is not in Optuna"),
        (append(line(1, objective=0.0)), "trial 1 has another objective"),
        (append(line(1, curve=[])), "trial 1 has another curve"),
        (rewrite("optuna.log", "[11.0]", "[11.5]"), "suggestion 1 is ('COMPLETE', (11.5,))"),
        (rewrite("optuna.log", '"state": 1', '"state": 3'), "suggestion 1 is ('FAIL', (11.0,))"),
        (sql("update runs set status = 'RUNNING' where run_uuid = 'study'"), "own runs are"),
        (sql("update runs set lifecycle_stage = 'deleted' where run_uuid = 'run-1'"), "has 0 runs"),
        (second_run, "trial 1 has 2 runs"),
        (sql("update tags set value = '7' where value = '1'"), "trial 7 is in no other memory"),
        (sql("update tags set value = 'running' where run_uuid = 'run-1' and key = 'state'"),
         "the state of trial 1 is running"),
        (sql("delete from metrics where run_uuid = 'run-1' and step = 4"), "the scores of trial 1"),
        (sql("update metrics set value = 0 where key = 'objective_final'"), "the objective of"),
        (remove_weights, "trial 1 has no weights"),
        (empty_weights, "trial 1: checkpoint_000001/best.safetensors: no header"),
    ],
)  # fmt: skip
def test_each_broken_promise_is_found(study: Path, damage: Callable[[Path], None], violation: str):
    reference = read_ledger(study / "trials.jsonl")
    damage(study)
    assert any(violation in found for found in violations(study, reference))


def test_a_finished_suggestion_without_a_trial_is_found_unless_it_is_marked(study: Path):
    log = study / "optuna.log"
    with log.open("a") as file:
        file.write('{"op_code": 4, "state": 1, "values": [3.0]}\n')
    assert "suggestion 2 is COMPLETE without a trial" in violations(study)
    with log.open("a") as file:
        file.write('{"op_code": 8, "trial_id": 2, "user_attr": {"known": 1}}\n')
    assert violations(study) == []


def test_the_last_line_alone_may_be_torn(study: Path):
    path = study / "trials.jsonl"
    whole = read_ledger(path)
    path.write_text(path.read_text() + line(1)[:-40])
    assert read_ledger(path) == whole
    path.write_text(line(0)[:-40] + "\n" + line(1))
    with pytest.raises(Unreadable, match=r"trials.jsonl: line 1: "):
        read_ledger(path)


def test_a_line_that_is_not_what_its_checksum_says_is_unreadable(study: Path):
    path = study / "trials.jsonl"
    content = line(1).rstrip("\n")
    path.write_text(f'{content[:-1]}, "crc32": "{crc32(content.encode()):08x}"}}\n')
    assert read_ledger(path)[1].aucc == 8.0
    path.write_text(path.read_text().replace('"aucc": 8.0', '"aucc": 9.0'))
    with pytest.raises(Unreadable, match="line 1: not what its checksum says"):
        read_ledger(path)


def test_a_damaged_database_is_unreadable(study: Path):
    with (study / "mlflow.db").open("r+b") as file:
        file.write(b"no database")
    with pytest.raises(Unreadable, match=r"mlflow.db: file is not a database"):
        read_memories(study)


def test_a_run_that_is_left_as_running_is_found(study: Path):
    assert judge.left_running(read_runs(study)) == []
    sql("update runs set status = 'RUNNING' where run_uuid = 'run-1'")(study)
    assert judge.left_running(read_runs(study)) == ["MLflow: a run is left as running"]


def test_outcomes_that_were_once_known_must_stay(study: Path):
    before = read_ledger(study / "trials.jsonl")
    assert judge.forgotten_outcomes(before, before) == []
    assert judge.forgotten_outcomes(before, {0: before[0]}) == [
        "trial 1 had ended, and is gone in trials.jsonl"
    ]
    changed = before | {1: replace(before[1], seed=2)}
    assert judge.forgotten_outcomes(before, changed) == [
        "trial 1 had ended, and is another in trials.jsonl"
    ]
    assert judge.changed_records(before, changed) == ["trial 1 changed"]
    before = {1: replace(before[1], state="running")}
    assert judge.forgotten_outcomes(before, {}) == []


@pytest.mark.parametrize(
    ("code", "lines", "violation"),
    [
        (0, ["done"], None),
        (0, ["error: x"], "exit code 0 and an error"),
        (1, ["failed: the disk: full"], None),
        (1, ["Traceback (most recent call last):", "failed: x"], "a traceback on stderr"),
        (2, [], "exit code 2 with 0 lines"),
        (2, ["error: x", "error: y"], "exit code 2 with 2 lines"),
        (2, ["error: x", "and more"], "the last line: and more"),
        (130, ["interrupted"], None),
        (130, ["Aborted."], "exit code 130, the last line: Aborted."),
        (-9, [], None),
    ],
)
def test_a_command_ends_with_one_line_where_it_failed(
    code: int, lines: list[str], violation: str | None
):
    found = judge.misspoken(code, lines)
    assert found == [] if violation is None else any(violation in fault for fault in found)


def test_work_before_the_last_checkpoint_is_not_done_again(study: Path):
    trial = read_ledger(study / "trials.jsonl")[1]
    assert judge.lost_work(trial, checkpointed=4, goes_on=[8]) == []
    assert judge.lost_work(trial, checkpointed=8, goes_on=[8]) == []  # it only has to end
    assert judge.lost_work(trial, checkpointed=4, goes_on=[]) == []
    assert judge.lost_work(trial, checkpointed=4, goes_on=[4, 8]) == [
        "trial 1 has a checkpoint at update 4, and then reaches 4 anew"
    ]


def test_a_checkpoint_that_is_not_whole_does_not_count(study: Path):
    for number, updates in ((0, 4), (1, 8)):
        folder = study / f"ray/session-002/trial-0001/checkpoint_{number:06d}"
        folder.mkdir(parents=True)
        (folder / "progress.json").write_text(json.dumps({"curve": [{"updates": updates}]}))
        (folder / "checksums.json").write_text("{}")
    assert checkpointed_updates(study / "ray", 1) == 8
    (folder / "checksums.json").write_text('{"progress.json": "another"}')
    assert checkpointed_updates(study / "ray", 1) == 4
    assert checkpointed_updates(study / "ray", 0) == 0


def test_weights_of_a_wrong_size_are_found(tmp_path: Path):
    path = tmp_path / "best.safetensors"
    path.write_bytes(safetensors())
    assert weights_fault(path) is None
    path.write_bytes(safetensors() + b"x")
    assert "bytes, not" in str(weights_fault(path))
    path.write_bytes(safetensors())
    (tmp_path / "checksums.json").write_text('{"best.safetensors": "another"}')
    assert "not what its checksum says" in str(weights_fault(path))


def test_each_fault_comes_once_before_any_comes_again_and_by_the_seed():
    decks = [Deck(FAULTS, seed) for seed in (1, 1, 2)]
    drawn = [[deck.draw().name for _ in range(2 * len(FAULTS))] for deck in decks]
    names = {fault.name for fault in FAULTS}
    assert set(drawn[0][: len(FAULTS)]) == set(drawn[0][len(FAULTS) :]) == names
    assert drawn[0] == drawn[1] != drawn[2]
    fault = decks[0].draw()
    decks[0].put_back(fault)
    assert fault.name in {decks[0].draw().name for _ in range(len(FAULTS))}


def test_the_table_counts_each_fault_and_replaces_the_one_before(tmp_path: Path):
    strike = Strike(fault="driver killed", log="000-run.log", trial=0, update=8)
    strikes = [replace(strike, ended_after_s=s, lost_updates=4) for s in (1.0, 2.0, 6.0)]
    outcome = Outcome(seed=7, seconds=600, n_studies=2, n_drivers=9, strikes=strikes)
    row = "| driver killed | 3 | 4 | 2.0 (6.0) | – | resume (3) |"
    assert row in table(outcome)
    path = tmp_path / "page.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    put_table(path, outcome)
    text = path.read_text()
    assert row in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
