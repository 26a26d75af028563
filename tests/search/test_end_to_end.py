"""One real study: Ray, Optuna, MLflow and training, from a study file to translations."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from safetensors.torch import load_file

from search.ledger import read_records
from search.trial_record import TrialRecord
from tests.search.command_line import reservoir_search, study_toml

pytestmark = pytest.mark.timeout(600)

STATUS = {"completed": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
OPTUNA = {"completed": "COMPLETE", "stopped": "PRUNED", "failed": "FAIL"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, small_grammar: Path) -> Path:
    """A working folder in which the study ``mine`` has run: eight trials, one of them doomed."""
    folder = tmp_path_factory.mktemp("place")
    # A learning rate of 1e38 cannot but diverge.
    space = (
        'depth = [2, 3]\nn_reservoirs = [0, 1]\ninterleaving = ["bottom", "top"]\n'
        'share_learned = ["none", "all"]\ndecoder_depth = 1\n'
        '[space.hyper]\n"train.lr" = [4e-3, 5e-3, 6e-3, 1e38]'
    )
    search = 'algorithm = "random"\nn_trials = 8'
    (folder / "mine.toml").write_text(study_toml(small_grammar, space=space, search=search))
    done = reservoir_search("run", "mine.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def records(place: Path) -> list[TrialRecord]:
    return list(read_records(place / "studies/mine/trials.jsonl").values())


@pytest.fixture(scope="module")
def runs(place: Path) -> dict[str, Run]:
    """The study's MLflow runs by id."""
    client = MlflowClient(f"sqlite:///{place / 'studies/mine/mlflow.db'}")
    experiment = client.get_experiment_by_name("mine")
    assert experiment is not None
    return {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}


def show(place: Path) -> dict[str, Any]:
    done = reservoir_search("show", "mine", "--json", cwd=place)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def test_the_study_has_trials_of_every_ending(records: list[TrialRecord]):
    states = Counter(record.state for record in records)
    assert sum(states.values()) == 8
    assert min(states[state] for state in ("completed", "stopped", "failed")) >= 1
    assert states["running"] == 0


def test_a_failed_trial_has_its_reason_and_the_search_went_on(records: list[TrialRecord]):
    failed = [record for record in records if record.state == "failed"]
    assert all("Diverged: the training loss is" in str(record.reason) for record in failed)
    assert max(record.id for record in records) > min(record.id for record in failed)


def test_no_model_was_trained_twice(records: list[TrialRecord]):
    assert len({record.key for record in records}) == len(records)


def test_show_tells_what_the_records_hold(place: Path, records: list[TrialRecord]):
    shown = show(place)
    assert shown["study"] == "mine"
    assert shown["objective"] == {
        "name": "aucc_per_mparam",
        "clock": "updates",
        "horizon": 12,
        "parameters": "total",
    }
    fields = {
        *("id", "layout", "state", "seed", "clock", "bleu_valid", "aucc", "objective"),
        *("n_params_total", "n_params_learned", "n_params_stored", "mlflow_run_id"),
    }
    assert [trial["id"] for trial in shown["trials"]] == [record.id for record in records]
    for trial, record in zip(shown["trials"], records, strict=True):
        assert fields <= trial.keys()
        assert (trial["state"], trial["objective"]) == (record.state, record.objective)
    completed = [trial for trial in shown["trials"] if trial["state"] == "completed"]
    assert shown["best"] == max(completed, key=lambda trial: trial["objective"])
    assert shown["best"]["id"] in shown["front"]


def test_a_newcomer_reads_the_result_and_what_to_do_next(place: Path):
    told = (place / "stdout.txt").read_text()
    for part in ("suggestions, 8 trained", "best: trial", "export mine", "ui mine"):
        assert part in told


def test_mlflow_has_a_run_for_each_trial_under_the_studys(
    records: list[TrialRecord], runs: dict[str, Run]
):
    parents = [run for run in runs.values() if "mlflow.parentRunId" not in run.data.tags]
    assert [run.info.status for run in parents] == ["FINISHED"]
    assert len(runs) == 1 + len(records)
    for record in records:
        run = runs[str(record.mlflow_run_id)]
        assert run.data.tags["mlflow.parentRunId"] == parents[0].info.run_id
        assert run.info.status == STATUS[record.state]
        assert run.data.tags["state"] == record.state
        assert run.data.tags["reason"] == (record.reason or "")
        assert {"commit", "host"} <= run.data.tags.keys()
        assert run.data.params["canonical"] == record.canonical
        assert run.data.params["n_params_total"] == str(record.counts.total)
        assert float(run.data.params["train.lr"]) == record.config["train"]["lr"]


def test_mlflow_has_each_point_of_each_curve_once(place: Path, records: list[TrialRecord]):
    client = MlflowClient(f"sqlite:///{place / 'studies/mine/mlflow.db'}")
    for record in records:
        history = client.get_metric_history(str(record.mlflow_run_id), "bleu")
        assert [(m.step, m.value) for m in sorted(history, key=lambda m: m.step)] == [
            (point.updates, point.bleu) for point in record.curve
        ]
        artifacts = {item.path for item in client.list_artifacts(str(record.mlflow_run_id))}
        assert artifacts == {"layout.txt", "config.json", "curve.csv", "curve.png"}


def test_optuna_was_told_of_every_trial(place: Path, records: list[TrialRecord]):
    log = place / "studies/mine/optuna.log"
    study = optuna.load_study(
        study_name="mine", storage=JournalStorage(JournalFileBackend(str(log)))
    )
    for record in records:
        trial = study.trials[record.optuna_number]
        assert trial.state.name == OPTUNA[record.state]
        if record.state == "stopped":
            assert list(trial.intermediate_values) == [point.updates for point in record.curve]
    assert not [trial for trial in study.trials if trial.state.name == "RUNNING"]


def test_a_study_is_never_overwritten(place: Path):
    done = reservoir_search("run", "mine.toml", cwd=place)
    assert done.returncode == 2
    assert done.stderr.strip().split("\n")[-1] == (
        "error: studies/mine already holds a study; continue it with: reservoir-search resume mine"
    )


@pytest.fixture(scope="module")
def export(place: Path) -> Path:
    done = reservoir_search("export", "mine", cwd=place)
    assert done.returncode == 0, done.stderr
    return place / "studies/mine/export"


def test_an_export_is_whole_and_loads_without_unpickling(export: Path, place: Path):
    assert {path.name for path in export.iterdir()} == {
        *("README.md", "layout.toml", "config.json", "scores.json", "manifest.json"),
        *("model.safetensors", "checkpoint.pt", "fairseq-train.sh"),
        *("bpe.codes", "dict.de.txt", "dict.en.txt"),
    }
    checkpoint = torch.load(export / "checkpoint.pt", weights_only=True)
    weights = load_file(export / "model.safetensors")
    assert all(torch.equal(checkpoint["model"][name], weights[name]) for name in weights)
    best = show(place)["best"]
    assert sum(weight.numel() for weight in weights.values()) == best["n_params_stored"]


def test_an_export_is_never_overwritten(export: Path, place: Path):
    done = reservoir_search("export", "mine", cwd=place)
    assert done.returncode == 2
    assert "studies/mine/export exists" in done.stderr


def test_translations_keep_the_order_and_the_empty_lines(export: Path, place: Path):
    sentences = ["Der Hund schläft.", "", "Die Frau sieht das Haus nicht."]
    stdin = "\n".join(sentences) + "\n"
    together = reservoir_search("translate", str(export), cwd=place, stdin=stdin)
    assert together.returncode == 0, together.stderr
    lines = together.stdout.split("\n")
    assert len(lines) == 4
    assert lines[1] == lines[3] == ""
    alone = reservoir_search("translate", str(export), cwd=place, stdin=sentences[2] + "\n")
    assert alone.stdout == lines[2] + "\n"


def test_a_finished_study_is_extended_and_nothing_trained_twice(
    place: Path, records: list[TrialRecord], export: Path
):
    done = reservoir_search("resume", "mine", "--trials", "10", cwd=place)
    assert done.returncode == 0, done.stderr
    after = list(read_records(place / "studies/mine/trials.jsonl").values())
    assert after[:8] == records
    assert len(after) == 10
    assert len({record.key for record in after}) == 10
    again = reservoir_search("resume", "mine", cwd=place)
    assert again.returncode == 0, again.stderr
    assert list(read_records(place / "studies/mine/trials.jsonl").values()) == after
