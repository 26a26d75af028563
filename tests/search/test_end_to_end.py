"""One real study: Ray, Optuna, MLflow and training, from a study file to its result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from optuna.trial import FrozenTrial

from search.cli import app, exit_code
from search.study.trial_record import TrialRecord
from search.suggest.optuna_journal import read_journal
from tests.search.command_line import reservoir_search
from tests.search.conftest import RealExport, RealStudy

pytestmark = pytest.mark.timeout(600)

N_TRIALS = 8
OPTUNA = {"completed": "COMPLETE", "stopped": "PRUNED", "failed": "FAIL"}


@pytest.fixture(scope="module")
def records(real_study: RealStudy) -> list[TrialRecord]:
    return real_study.records


def show(study: RealStudy) -> dict[str, Any]:
    done = reservoir_search("show", "mine", "--json", cwd=study.place)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def test_the_study_has_trials_of_every_ending(records: list[TrialRecord]):
    states = Counter(record.state for record in records)
    assert sum(states.values()) == N_TRIALS
    assert min(states[state] for state in ("completed", "stopped", "failed")) >= 1
    assert states["running"] == 0


def test_a_failed_trial_has_its_reason_and_the_search_went_on(records: list[TrialRecord]):
    failed = [record for record in records if record.state == "failed"]
    assert all("Diverged: the training loss is" in str(record.reason) for record in failed)
    assert max(record.id for record in records) > min(record.id for record in failed)


def test_a_stopped_trial_has_a_shorter_curve_than_a_completed_one(records: list[TrialRecord]):
    for record in records:
        updates = [point.updates for point in record.curve]
        if record.state == "completed":
            assert updates == [4, 8, 12]
        elif record.state == "stopped":
            assert updates in ([4], [4, 8])
            assert record.reason == f"by the scheduler at update {updates[-1]}"


def test_no_model_was_trained_twice(records: list[TrialRecord]):
    assert len({record.key for record in records}) == len(records)


def test_each_trial_has_one_line_once_the_study_is_over(
    real_study: RealStudy, records: list[TrialRecord]
):
    lines = real_study.folder.trials.read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [record.id for record in records]


def test_show_tells_what_the_records_hold(real_study: RealStudy, records: list[TrialRecord]):
    shown = show(real_study)
    assert shown.keys() == {
        *("study", "objective", "signature", "trials", "best", "standing", "hypervolume"),
        *("references", "front", "proxy", "confirm"),
    }
    assert shown["references"] == []  # the study wants none
    assert shown["confirm"] is None  # nothing was confirmed yet
    assert shown["proxy"] is None  # every suggestion was trained
    assert shown["study"] == "mine"
    assert shown["objective"] == {
        "name": "aucc_per_mparam",
        "clock": "updates",
        "horizon": 12,
        "parameters": "total",
    }
    fields = {
        *("id", "layout", "state", "seed", "clock", "metric", "score", "aucc", "objective"),
        *("n_params_total", "n_params_learned", "n_params_stored", "mlflow_run_id"),
    }
    for trial, record in zip(shown["trials"], records, strict=True):
        assert fields <= trial.keys()
        expected = {
            "id": record.id,
            "layout": record.canonical,
            "state": record.state,
            "seed": record.config.seed,
            "clock": record.curve[-1].updates if record.curve else 0,
            "metric": "BLEU",
            "score": max((point.score for point in record.curve), default=None),
            "aucc": record.aucc,
            "objective": record.objective,
            "n_params_total": record.counts.total,
            "n_params_learned": record.counts.learned,
            "n_params_stored": record.counts.stored,
            "mlflow_run_id": record.mlflow_run_id,
        }
        assert {name: trial[name] for name in fields} == expected


def test_the_best_trial_is_the_completed_one_with_the_highest_objective(real_study: RealStudy):
    shown = show(real_study)
    completed = [trial for trial in shown["trials"] if trial["state"] == "completed"]
    assert shown["best"] == max(completed, key=lambda trial: trial["objective"])
    assert shown["best"]["id"] in shown["front"]
    assert shown["best"]["objective"] == pytest.approx(
        shown["best"]["aucc"] / (shown["best"]["n_params_total"] / 1e6)
    )


def test_show_draws_a_table_with_every_trial_and_why_some_failed(
    real_study: RealStudy, records: list[TrialRecord]
):
    done = reservoir_search("show", "mine", cwd=real_study.place)
    assert done.returncode == 0, done.stderr
    for record in records:
        assert record.canonical in done.stdout
        if record.state == "failed":
            assert f"trial {record.id} failed: {record.reason}" in done.stdout.replace("\n", " ")


def test_a_newcomer_reads_the_result_and_what_to_do_next(
    real_study: RealStudy, records: list[TrialRecord]
):
    told = real_study.stdout
    n_trained = sum(record.state in ("completed", "stopped") for record in records)
    assert n_trained < len(records)  # a failure is none
    for part in (f"suggestions, {n_trained} trained", "best: trial", "export mine", "ui mine"):
        assert part in told


def test_optuna_was_told_of_every_trial(real_study: RealStudy, records: list[TrialRecord]):
    trials = optuna_trials(real_study)
    for record in records:
        trial = trials[record.optuna_number]
        assert trial.state.name == OPTUNA[record.state]
        if record.state == "completed":
            assert trial.value == record.objective
        if record.state == "stopped":
            assert list(trial.intermediate_values) == [point.updates for point in record.curve]
    assert not [trial for trial in trials if trial.state.name == "RUNNING"]


def optuna_trials(study: RealStudy) -> Sequence[FrozenTrial]:
    return read_journal(study.folder.optuna_log, study="mine").trials


def test_a_study_is_never_overwritten(
    real_study: RealStudy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    before = real_study.folder.trials.read_bytes()
    monkeypatch.chdir(real_study.place)
    assert exit_code(lambda: app(["run", "mine.toml"], standalone_mode=False)) == 2
    assert capsys.readouterr().err == (
        "error: studies/mine already holds a study; continue it with: "
        "reservoir-search resume mine\n"
    )
    assert real_study.folder.trials.read_bytes() == before


def test_a_finished_study_is_extended_and_nothing_trained_twice(
    real_study: RealStudy, records: list[TrialRecord], real_export: RealExport
):
    runs_before = mlflow_runs(real_study)
    done = reservoir_search("resume", "mine", "--trials", str(N_TRIALS + 2), cwd=real_study.place)
    assert " estimate: 2 trials, " in done.stderr
    assert done.returncode == 0, done.stderr
    after = real_study.records
    assert after[:N_TRIALS] == records
    assert len(after) == N_TRIALS + 2
    assert len({record.key for record in after}) == N_TRIALS + 2
    runs_after = mlflow_runs(real_study)
    assert len(runs_after) == len(runs_before) + 2
    for id_, run in runs_before.items():
        if "mlflow.parentRunId" in run.data.tags:
            assert runs_after[id_].to_dictionary() == run.to_dictionary()
    assert not [run for run in runs_after.values() if run.info.status == "RUNNING"]
    assert real_export.folder.is_dir()


def mlflow_runs(study: RealStudy) -> dict[str, Run]:
    client = MlflowClient(f"sqlite:///{study.folder.mlflow_database}")
    experiment = client.get_experiment_by_name("mine")
    assert experiment is not None
    return {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
