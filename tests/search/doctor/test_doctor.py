"""The doctor on a healthy interrupted study, and on one broken in each way it can detect.

The trials are made by hand; the searcher, the tracking and the storage are the real ones.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from search.cli import app, exit_code
from search.doctor.examine import examine
from search.doctor.finding import Finding
from search.doctor.repair import rebuild_records
from search.run.driver import _search
from search.study.config import StudyConfig
from search.study.folder import StudyFolder, make_study_folder
from search.study.kept_weights import N_KEPT_WEIGHTS, KeptWeights
from search.study.ledger import Ledger, read_records
from search.study.storage import study_storage
from search.study.trial_record import TrialRecord
from search.suggest.reference_trials import ReferenceTrials
from search.suggest.searcher import TrialSearcher
from search.suggest.study_trials import StudyTrials
from search.suggest.trial_source import TrialSource
from search.tracking.tracking import Tracking
from search.tracking.trial_runs import TRIAL_ID
from spaces.errors import UserError
from tests.search.conftest import TINY_STUDY, curve_point
from trainable.aucc import aucc
from trainable.checkpoint import BEST_WEIGHTS, Checkpoint, save_checkpoint
from trainable.model_size import candidate_size
from trainable.objective import Progress, objective_value

pytestmark = pytest.mark.timeout(600)

# In the order in which they were suggested; the last one was interrupted.
STATES = ("completed", "completed", "stopped", "failed", "completed", "completed", "running")
N_POINTS = {"completed": 3, "stopped": 2, "failed": 0, "running": 2}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, small_grammar: Path) -> Path:
    """A study as a driver that was killed leaves it, from which the tests take copies."""
    place = tmp_path_factory.mktemp("template")
    (place / "study.toml").touch()
    config = StudyConfig.model_validate(
        {
            **TINY_STUDY,
            "data": str(small_grammar),
            "search": {"algorithm": "random", "n_trials": len(STATES), "references": False},
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        folder = make_study_folder(config, place / "study.toml", small_grammar)
        folder = StudyFolder(folder.path.resolve())
        work_as_a_driver(config, folder, STATES)
    return folder.path


def work_as_a_driver(config: StudyConfig, folder: StudyFolder, states: Sequence[str]) -> None:
    """Let a search's driver bring its trials to these states, in their order, and leave it."""
    ledger = Ledger.open(folder.trials)
    trials = StudyTrials.open(
        config,
        ledger,
        optuna_log=folder.optuna_log,
        data=folder.data(),
        size=candidate_size,
        metric="BLEU",
    )
    source = ReferenceTrials(config, ledger, trials) if config.search.references else trials
    train(config, folder, ledger, source, states, n_kept=N_KEPT_WEIGHTS)


def train(
    config: StudyConfig,
    folder: StudyFolder,
    ledger: Ledger,
    source: TrialSource,
    states: Sequence[str],
    *,
    n_kept: int | None,
) -> None:
    """Bring the trials of ``source`` to these states, in their order, and leave the study."""
    searcher = TrialSearcher(
        ledger, source, n_concurrent=lambda: 1, resume_from=lambda _record: None
    )
    tracking = Tracking.start(config, folder, ledger)
    kept = KeptWeights(study_storage(folder), config.objective, n_kept=n_kept)
    for id_, state in enumerate(states):
        assert isinstance(searcher.suggest(f"tune-{id_}"), dict)
        record = ended(ledger[id_], state)
        for number in range(1, len(record.curve) + 1):
            checkpoint = f"session-001/trial-{id_:04d}/checkpoint_{number:06d}"
            save(record, number, folder.ray / checkpoint)
        ledger.put(record)
        tracking.note(record)
        if state != "running":
            searcher.on_trial_complete(f"tune-{id_}")
            kept.end(record)
    assert tracking.close("KILLED", metrics={}, tags={})
    for record in ledger.records:
        if record.state == "running":
            tracking.interrupt(record)
    ledger.compact()


def ended(record: TrialRecord, state: Any) -> TrialRecord:
    """The record with a curve that is better for a higher id."""
    curve = tuple(
        curve_point(4 * number, 2 * number + record.id) for number in range(1, N_POINTS[state] + 1)
    )
    values: dict[str, Any] = {"state": state, "curve": curve}
    if curve:
        area = aucc(curve, clock="updates", horizon=12, hold_last=state == "completed")
        objective = record.config.objective
        values |= {
            "aucc": area,
            "objective": objective_value(
                objective, Progress(curve=curve, aucc=area, counts=record.counts)
            ),
            "n_epochs": 0.5,
            "warmup_s": 0.0,
            "peak_memory_bytes": 1000,
        }
    return dataclasses.replace(record, **values)


def save(record: TrialRecord, n_points: int, folder: Path) -> None:
    folder.mkdir(parents=True)
    weights = {"weight": torch.full((2,), float(n_points))}
    save_checkpoint(
        Checkpoint(
            weights=weights,
            best_weights=weights,
            optimizer={},
            curve=record.curve[:n_points],
            finished=n_points == 3,
        ),
        folder,
    )


@pytest.fixture
def study(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFolder:
    """A copy of the study, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copytree(template, tmp_path / "studies/tiny")
    folder = StudyFolder(tmp_path / "studies/tiny")
    folder.change(place=str(folder.path))  # else the doctor gives the copy an id of its own
    return folder


def faults_and_waiting(findings: list[Finding]) -> tuple[list[str], list[str]]:
    """Faults of all checks, and all work that waits."""
    return (
        [text for finding in findings for text in finding.faults],
        [text for finding in findings for text in finding.waiting],
    )


def flip_a_bit_in_each_line(study: StudyFolder) -> None:
    lines = study.trials.read_bytes().splitlines(keepends=True)
    damaged = (
        line[:half] + bytes([line[half] ^ 1]) + line[half + 1 :]
        for line in lines
        for half in [len(line) // 2]
    )
    study.trials.write_bytes(b"".join(damaged))


def lose_all_trials(study: StudyFolder) -> None:
    study.trials.unlink()


@pytest.mark.parametrize("harm", [flip_a_bit_in_each_line, lose_all_trials])
def test_records_come_back_exactly_from_mlflow_and_optuna(study: StudyFolder, harm: Break):
    before = read_records(study.trials)
    checkpoints = {path for path in contents(study) if study.ray in path.parents}
    harm(study)
    damaged = study.trials.read_bytes() if study.trials.exists() else None
    assert faults_and_waiting(examine(study, repair=True))[0] == []
    after = read_records(study.trials)
    # Of a running trial these come with its next validation.
    unknown = {"n_epochs": None, "warmup_s": None, "peak_memory_bytes": None}
    before[6] = dataclasses.replace(before[6], **unknown)
    assert after == before
    assert {record.state for record in after.values()} == set(STATES)
    assert {path for path in contents(study) if study.ray in path.parents} == checkpoints
    copies = [path.read_bytes() for path in study.path.glob("trials.jsonl.before-mend-*")]
    assert copies == ([] if damaged is None else [damaged])


def test_a_study_that_resume_refuses_is_not_left_running_in_mlflow(study: StudyFolder):
    lose_all_trials(study)
    before = study.mlflow_database.read_bytes()
    with pytest.raises(UserError, match=r"lacks the trial of suggestion .* --mend"):
        _search(study.config(), study, [], None, None, expected_s=None)
    assert study.mlflow_database.read_bytes() == before


def test_lost_trials_come_back_where_a_failed_one_is_trained_again(study: StudyFolder):
    ledger, config = Ledger.open(study.trials), study.config()
    trials = StudyTrials.open(
        config,
        ledger,
        optuna_log=study.optuna_log,
        data=study.data(),
        size=candidate_size,
        metric="BLEU",
    )
    trials.retry([3])
    before = read_records(study.trials)
    assert before[3].optuna_number > before[6].optuna_number
    study.trials.unlink()
    study.mlflow_database.unlink()  # so the suggestions and the weights have to tell the trials
    rebuild_records(config, study)
    found = read_records(study.trials)
    # Those of which storage has weights, and the one that begins anew.
    assert found.keys() == {1, 3, 4, 5, 6}
    for id_, record in found.items():
        assert (record.key, record.state) == (before[id_].key, before[id_].state)
        assert record.optuna_number == before[id_].optuna_number


def test_where_mlflow_is_gone_a_record_comes_back_from_optuna_and_its_weights(study: StudyFolder):
    before = read_records(study.trials)
    study.mlflow_database.unlink()
    lines = study.trials.read_text().splitlines(keepends=True)
    study.trials.write_text("".join(lines[id_] for id_ in (0, 1, 3, 4, 6)))
    rebuild_records(study.config(), study)
    # Trial 2 was stopped: no memory has its curve, and none is made up.
    assert read_records(study.trials).keys() == before.keys() - {2}
    lost, found = before[5], read_records(study.trials)[5]
    assert (found.state, found.curve, found.objective) == ("completed", lost.curve, lost.objective)
    assert (found.key, found.config, found.counts) == (lost.key, lost.config, lost.counts)


def test_a_copy_of_mlflows_store_stays_where_runs_of_it_are_deleted(study: StudyFolder):
    make_a_second_study_run(study)
    n_runs = len(store(study).search_runs(["1"]))
    examine(study, repair=True)
    (copy,) = study.path.glob("mlflow.db.before-mend-*")
    with closing(sqlite3.connect(copy)) as database:
        active = database.execute("select * from runs where lifecycle_stage = 'active'").fetchall()
    assert len(active) == n_runs
    examine(study, repair=True)
    assert list(study.path.glob("mlflow.db.before-mend-*")) == [copy]


def test_weights_of_an_unknown_trial_are_left_to_their_owner(study: StudyFolder):
    unknown = study.ray / "session-001/trial-0099/checkpoint_000001"
    shutil.copytree(next(study.ray.glob("session-001/trial-0005/*")), unknown)
    for repair in (False, True):
        faults, _ = faults_and_waiting(examine(study, repair=repair))
        assert faults == ["trial 99 has checkpoints and is not in trials.jsonl"]
    assert (unknown / BEST_WEIGHTS).exists()


def test_a_damaged_database_stops_a_driver_with_one_line(study: StudyFolder):
    damage_the_database(study)
    with pytest.raises(UserError, match=r"mlflow\.db: is damaged .*doctor \S+tiny --mend$"):
        Tracking.start(study.config(), study, Ledger.open(study.trials))


def test_an_interrupted_study_waits_and_has_no_fault(study: StudyFolder):
    before = contents(study)
    faults, waiting = faults_and_waiting(examine(study, repair=False))
    assert faults == []
    assert waiting == ["1 interrupted; resume goes on with them"]
    assert contents(study) == before, "looking changes nothing"


def contents(study: StudyFolder) -> dict[Path, bytes]:
    files = (path for path in study.path.rglob("*") if path.is_file() and path.name != ".lock")
    return {path: path.read_bytes() for path in files}


def test_the_repair_of_a_study_without_a_fault_changes_no_trial(study: StudyFolder):
    before = study.trials.read_text()
    assert faults_and_waiting(examine(study, repair=True)) == (
        [],
        ["1 interrupted; resume goes on with them"],
    )
    assert study.trials.read_text() == before


def rewrite(study: StudyFolder, id_: int, **changes: Any) -> None:
    """Change a trial in ``trials.jsonl`` alone, as a person would, who removes the checksum."""
    lines = [json.loads(line) for line in study.trials.read_text().splitlines()]
    for line in lines:
        line.pop("crc32", None)
    changed = [{**line, **changes} if line["id"] == id_ else line for line in lines]
    study.trials.write_text("".join(json.dumps(line) + "\n" for line in changed))


def change_the_area(study: StudyFolder) -> None:
    rewrite(study, 0, aucc=1.0, objective=2.0)


def change_the_key(study: StudyFolder) -> None:
    rewrite(study, 1, key="{}")


def turn_a_curve_round(study: StudyFolder) -> None:
    curve = read_records(study.trials)[0].to_dict()["curve"]
    rewrite(study, 0, curve=curve[::-1])


def drop_a_curve(study: StudyFolder) -> None:
    rewrite(study, 0, curve=[])


def write_nonsense_between(study: StudyFolder) -> None:
    first, *others = study.trials.read_text().splitlines(keepends=True)
    study.trials.write_text("".join([first, '{"id": 0, "lay\n', *others]))


def write_bytes_that_are_no_text_between(study: StudyFolder) -> None:
    first, *others = study.trials.read_bytes().splitlines(keepends=True)
    study.trials.write_bytes(b"".join([first, b"\xff\xfe\x00{\n", *others]))


def train_a_candidate_twice(study: StudyFolder) -> None:
    record = read_records(study.trials)[0].to_dict()
    with study.trials.open("a") as file:
        file.write(json.dumps({**record, "id": 7, "optuna_number": 99, "state": "failed"}) + "\n")


def fail_a_trial_afterwards(study: StudyFolder) -> None:
    rewrite(study, 0, state="failed")


def run_an_ended_trial(study: StudyFolder) -> None:
    rewrite(study, 0, state="running")


def swap_two_suggestions(study: StudyFolder) -> None:
    records = read_records(study.trials)
    rewrite(study, 0, optuna_number=records[1].optuna_number)
    rewrite(study, 1, optuna_number=records[0].optuna_number)


def lose_a_trial(study: StudyFolder) -> None:
    study.trials.write_text("".join(study.trials.read_text().splitlines(keepends=True)[1:]))


def leave_checkpoints_without_a_trial(study: StudyFolder) -> None:
    (study.ray / "session-001/trial-0099/checkpoint_000001").mkdir(parents=True)


def break_the_journal(study: StudyFolder) -> None:
    first, *others = study.optuna_log.read_text().splitlines(keepends=True)
    study.optuna_log.write_text("".join([first, "nonsense\n", *others]))


def change_a_digit(study: StudyFolder) -> None:
    """A line that is still JSON, with a digit changed: the score of trial 0's first point."""
    text = study.trials.read_text()
    assert text.count('"score": 2.0') == 1
    study.trials.write_text(text.replace('"score": 2.0', '"score": 3.0'))


def damage_the_database(study: StudyFolder) -> None:
    """Bytes on a page of the tables' definitions."""
    content = bytearray(study.mlflow_database.read_bytes())
    content[100:110] = b"\xff" * 10
    study.mlflow_database.write_bytes(content)


def damage_the_best_weights(study: StudyFolder) -> None:
    (file,) = study.ray.glob(f"session-001/trial-0005/*/{BEST_WEIGHTS}")
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def lose_the_best_weights(study: StudyFolder) -> None:
    for file in study.ray.glob(f"session-001/trial-0005/*/{BEST_WEIGHTS}"):
        file.unlink()


def run_of(study: StudyFolder, id_: int) -> str:
    return str(read_records(study.trials)[id_].mlflow_run_id)


def store(study: StudyFolder) -> MlflowClient:
    return MlflowClient(f"sqlite:///{study.mlflow_database}")


def delete_a_run(study: StudyFolder) -> None:
    store(study).delete_run(run_of(study, 0))


def copy_a_run(study: StudyFolder, trial: str = "0") -> None:
    run = store(study).get_run(run_of(study, 0))
    parent = run.data.tags["mlflow.parentRunId"]
    tags = {"mlflow.parentRunId": parent, TRIAL_ID: trial, "state": "running"}
    store(study).create_run(run.info.experiment_id, tags=tags)


def make_a_stray_run(study: StudyFolder) -> None:
    copy_a_run(study, trial="123")


def log_a_point_too_many(study: StudyFolder) -> None:
    store(study).log_batch(run_of(study, 0), metrics=[Metric("score", 1.0, 1, 16)])


def change_a_point(study: StudyFolder) -> None:
    execute(study, "update metrics set value = 99 where key = 'score' and step = 8")


def drop_a_point(study: StudyFolder) -> None:
    execute(study, "delete from metrics where key = 'score' and step = 12")


def send_as_an_earlier_version(study: StudyFolder) -> None:
    """Rename the metric ``score`` to ``bleu``, and remove the tag ``metric``."""
    for table in ("metrics", "latest_metrics"):
        execute(study, f"update {table} set key = 'bleu' where key = 'score'")
        execute(study, f"update {table} set key = 'bleu_best' where key = 'score_best'")
    execute(study, "delete from tags where key = 'metric'")


def change_a_status(study: StudyFolder) -> None:
    store(study).set_terminated(run_of(study, 0), "FAILED")


def make_a_second_study_run(study: StudyFolder) -> None:
    parent = store(study).get_run(run_of(study, 0)).data.tags["mlflow.parentRunId"]
    run = store(study).get_run(parent)
    store(study).create_run(run.info.experiment_id, tags=dict(run.data.tags))


def execute(study: StudyFolder, statement: str) -> None:
    with closing(sqlite3.connect(study.mlflow_database)) as database:
        assert database.execute(statement).rowcount > 0
        database.commit()


Break = Callable[[StudyFolder], None]
REPAIRED: list[tuple[Break, str]] = [
    (change_the_area, "trial 0: its aucc is 1.0, and should be "),
    (change_the_key, "trial 1: its key is {}, and should be "),
    (lose_a_trial, "but its trial is not in trials.jsonl"),
    (leave_checkpoints_without_a_trial, "trial 99 has checkpoints and is not in trials.jsonl"),
    (lose_a_trial, "belongs to no trial"),
    (delete_a_run, "the run of trial 0 is gone"),
    (copy_a_run, "trial 0 has 2 runs"),
    (make_a_stray_run, "belongs to no trial"),
    (log_a_point_too_many, "the run of trial 0 has other points than its curve"),
    (change_a_point, "the run of trial 0 has other points than its curve"),
    (drop_a_point, "the run of trial 0 has 2 points of 3"),
    (change_a_status, "the run of trial 0 has status FAILED, but the trial is completed"),
    (make_a_second_study_run, "the study has 2 parent runs"),
    (turn_a_curve_round, "trial 0: its curve does not increase in updates at update 8"),
    (drop_a_curve, "trial 0: it is completed and has no curve"),
    (fail_a_trial_afterwards, "its state is COMPLETE, but trial 0 failed"),
    (run_an_ended_trial, "is COMPLETE, but trial 0 is running"),
    (swap_two_suggestions, "its parameters are not those of trial 0"),
    (break_the_journal, "optuna.log: line 2 is no operation of Optuna's (Expecting value"),
    (write_nonsense_between, "line 2 is not a trial (is not JSON: "),
    (write_bytes_that_are_no_text_between, "line 2 is not a trial (is not JSON: "),
    (change_a_digit, "line 1 is not a trial (it changed since it was written, by its crc32"),
]
NOT_REPAIRED: list[tuple[Break, str]] = [
    (train_a_candidate_twice, "trials 0, 7 have the same candidate"),
    (damage_the_best_weights, "weights are damaged ("),
    (lose_the_best_weights, "trial 5 is among the best and its weights are gone; export --trial 5"),
]


@pytest.mark.parametrize(
    ("harm", "text"),
    [*REPAIRED, pytest.param(damage_the_database, "mlflow.db is damaged", marks=pytest.mark.slow)],
)
def test_a_fault_is_reported_and_repaired(study: StudyFolder, harm: Break, text: str):
    harm(study)
    faults, _ = faults_and_waiting(examine(study, repair=False))
    assert any(text in fault for fault in faults), faults
    assert faults_and_waiting(examine(study, repair=True))[0] == []
    assert faults_and_waiting(examine(study, repair=False)) == (
        [],
        ["1 interrupted; resume goes on with them"],
    )


@pytest.mark.parametrize(("harm", "text"), NOT_REPAIRED)
def test_a_fault_that_no_repair_removes_is_still_reported(
    study: StudyFolder, harm: Break, text: str
):
    harm(study)
    for repair in (False, True):
        faults, _ = faults_and_waiting(examine(study, repair=repair))
        assert any(text in fault for fault in faults), faults


@pytest.mark.parametrize("harm", [change_a_digit, break_the_journal, damage_the_database])
def test_looking_at_a_damaged_study_changes_nothing(study: StudyFolder, harm: Break):
    harm(study)
    before = contents(study)
    assert faults_and_waiting(examine(study, repair=False))[0]
    assert contents(study) == before


def tear_the_last_line(study: StudyFolder) -> None:
    study.trials.write_text(study.trials.read_text() + '{"id": 6, "lay')


def hide_an_end_from_optuna(study: StudyFolder) -> None:
    """Cut off all since the end of trial 5: Optuna has neither that end nor the next suggestion."""
    lines = study.optuna_log.read_text().splitlines(keepends=True)
    (*_, last) = (number for number, line in enumerate(lines) if '"values":[' in line)
    study.optuna_log.write_text("".join(lines[:last]))
    records = study.trials.read_text().splitlines(keepends=True)
    study.trials.write_text("".join(records[:-1]))
    shutil.rmtree(study.ray / "session-001/trial-0006")
    store(study).delete_run(run_of_last(study))


def run_of_last(study: StudyFolder) -> str:
    (run,) = [
        run
        for run in store(study).search_runs(["1"])
        if run.data.tags.get(TRIAL_ID) == str(len(STATES) - 1)
    ]
    return str(run.info.run_id)


def lose_a_trial_after_its_suggestion(study: StudyFolder) -> None:
    """Remove the last trial, but leave its suggestion in Optuna."""
    study.trials.write_text("".join(study.trials.read_text().splitlines(keepends=True)[:-1]))
    shutil.rmtree(study.ray / "session-001/trial-0006")
    store(study).delete_run(run_of_last(study))


def halve_the_newest_checkpoint(study: StudyFolder) -> None:
    newest = study.ray / "session-001/trial-0006/checkpoint_000002/weights.safetensors"
    newest.write_bytes(newest.read_bytes()[:-20])


def leave_an_optimizer(study: StudyFolder) -> None:
    (study.ray / "session-001/trial-0005/checkpoint_000003/optimizer.pt").touch()


def leave_a_checkpoint(study: StudyFolder) -> None:
    (study.ray / "session-001/trial-0002/checkpoint_000001").mkdir(parents=True)
    (study.ray / "session-001/trial-0002/checkpoint_000001/weights.safetensors").touch()


def send_no_end(study: StudyFolder) -> None:
    execute(
        study,
        "update tags set value = 'running' where key = 'state' and run_uuid = "
        f"'{run_of(study, 0)}'",
    )
    execute(study, f"delete from metrics where run_uuid = '{run_of(study, 0)}' and step = 12")


def send_nothing(study: StudyFolder) -> None:
    store(study).delete_run(run_of(study, 0))
    rewrite(study, 0, mlflow_run_id=None)


def leave_the_study_running(study: StudyFolder) -> None:
    parent = store(study).get_run(run_of(study, 0)).data.tags["mlflow.parentRunId"]
    store(study).update_run(parent, status="RUNNING")


def have_no_store(study: StudyFolder) -> None:
    study.mlflow_database.unlink()


WAITING: list[tuple[Break, str]] = [
    (tear_the_last_line, "line 8 is cut short; resume drops it"),
    (hide_an_end_from_optuna, "the end of trial 5 (completed) is not in Optuna yet"),
    (lose_a_trial_after_its_suggestion, "never became a trial"),
    (
        leave_an_optimizer,
        "trial 5 has left checkpoint files that are not needed; resume removes them",
    ),
    (
        leave_a_checkpoint,
        "trial 2 has left checkpoint files that are not needed; resume removes them",
    ),
    (send_no_end, "the end of trial 0 is not in MLflow yet"),
    (send_nothing, "trial 0 is not in MLflow yet"),
    (leave_the_study_running, "the study's parent run has not ended"),
    (send_as_an_earlier_version, "trial 0 has an earlier version's metric names"),
    (have_no_store, "MLflow has no runs yet"),
]


def test_the_repair_adds_todays_metrics_to_the_runs_of_an_earlier_version(study: StudyFolder):
    record, before = read_records(study.trials)[0], run_of(study, 0)
    send_as_an_earlier_version(study)
    examine(study, repair=True)
    run = store(study).get_run(before)
    assert run_of(study, 0) == before
    assert run.data.metrics["score_best"] == record.best_score
    assert run.data.tags["metric"] == "BLEU"
    for name in ("score", "bleu", "loss"):
        steps = [metric.step for metric in store(study).get_metric_history(before, name)]
        assert steps == [point.updates for point in record.curve], name


@pytest.mark.parametrize(("harm", "text"), WAITING)
def test_work_that_an_interruption_leaves_is_no_fault_and_can_be_repaired(
    study: StudyFolder, harm: Break, text: str
):
    harm(study)
    faults, waiting = faults_and_waiting(examine(study, repair=False))
    assert faults == []
    assert any(text in line for line in waiting), waiting
    examine(study, repair=True)
    faults, waiting = faults_and_waiting(examine(study, repair=False))
    assert faults == []
    assert all("interrupted" in line for line in waiting), waiting


def test_a_checkpoint_cut_short_is_reported_with_the_one_that_resume_uses(study: StudyFolder):
    halve_the_newest_checkpoint(study)
    faults, waiting = faults_and_waiting(examine(study, repair=False))
    assert faults == []
    assert (
        "trial 6: the newest checkpoint is not whole; resume goes on from the one before" in waiting
    )


def test_the_exit_code_says_whether_there_is_a_fault(
    study: StudyFolder, capsys: pytest.CaptureFixture[str]
):
    def doctor(*options: str) -> int:
        return exit_code(lambda: app(["doctor", "tiny", *options], standalone_mode=False))

    assert doctor() == 0
    delete_a_run(study)
    capsys.readouterr()
    assert doctor("--json") == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["healthy"] is False
    assert [check["verdict"] for check in json.loads(out)["checks"]] == [
        "waits",
        "ok",
        "ok",
        "fault",
    ]
    assert err == "failed: study tiny: faults found: 1; try: reservoir-search doctor tiny --mend\n"
    assert doctor("--mend") == 0
    assert doctor() == 0


def test_a_study_whose_driver_runs_is_left_alone(
    study: StudyFolder, capsys: pytest.CaptureFixture[str]
):
    with study.locked():
        code = exit_code(lambda: app(["doctor", "tiny"], standalone_mode=False))
    assert code == 2
    assert capsys.readouterr().err == (
        "error: studies/tiny: another driver runs this study; wait for it or stop it first\n"
    )
