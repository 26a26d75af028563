"""Confirm and reproduce by the command line, killed in the middle, on trials of seconds."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from search.replicates.reproduce import EXPERIMENTS
from search.study.ledger import read_records
from search.study.trial_record import TrialRecord
from tests.search.command_line import reservoir_search, start, study_toml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

TINY = [
    f"--set={setting}"
    for setting in (
        "model.d_model=16",
        "model.ffn=32",
        "train.lr=5e-3",
        "train.batch_tokens=256",
        "train.warmup_updates=4",
        "validation.interval_updates=10",
        "validation.n_sentences=10",
        "budget.updates=20",
        "search.n_concurrent=1",
    )
]


def records_in(folder: Path) -> list[TrialRecord]:
    return list(read_records(folder / "trials.jsonl").values())


def verdicts_of(study: str, place: Path) -> list[str]:
    done = reservoir_search("doctor", study, "--json", cwd=place)
    return [check["verdict"] for check in json.loads(done.stdout)["checks"]]


def kill_in_the_middle(place: Path, trials: Path, *arguments: str) -> None:
    """Start the command and kill it with all its group after a trial has ended."""
    driver = start(*arguments, cwd=place)
    deadline = time.monotonic() + 600
    while not any(record.state == "completed" for record in records_in(trials)):
        assert driver.poll() is None, (place / "log.txt").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()


def test_a_reproduction_that_was_killed_goes_on_to_the_papers_tables(
    tmp_path: Path, small_grammar: Path
) -> None:
    command = ("reproduce", "--seeds", "2", "--name", "paper", "--data", str(small_grammar), *TINY)
    folder = tmp_path / "studies" / "paper"
    kill_in_the_middle(tmp_path, folder, *command)
    done = reservoir_search(*command, cwd=tmp_path, timeout=1200)
    assert done.returncode == 0, done.stderr

    records = records_in(folder)
    assert {record.state for record in records} == {"completed"}
    pairs = Counter((str(record.layout), record.config.seed) for record in records)
    assert pairs == {
        (str(layout), seed): 1
        for layout in EXPERIMENTS["small"].encoders.values()
        for seed in (1, 2)
    }
    # MLflow has each once, under one run of the reproduction.
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("paper")
    runs = client.search_runs([experiment.experiment_id])
    named = Counter(run.info.run_name.split(" ")[0] for run in runs)
    assert named == {"reproduce": 1, "trial": len(records)}

    tables = (folder / "reproduce" / "tables.md").read_text()
    assert tables in done.stdout
    for name in EXPERIMENTS["small"].encoders:
        assert f"\n| {name} " in tables
    assert (folder / "reproduce" / "score_over_minutes.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((folder / "reproduce").glob("*.csv"))) == tables.count("\n| ---")

    assert verdicts_of("paper", tmp_path) == ["ok"] * 4
    refused = reservoir_search("resume", "paper", cwd=tmp_path)
    assert refused.returncode == 2
    assert "reproduce" in refused.stderr
    report = reservoir_search("report", "paper", cwd=tmp_path)
    assert report.returncode == 0, report.stderr
    assert "Table 1." in (folder / "report.html").read_text()


def test_the_best_are_confirmed_against_a_baseline_with_seeds_of_their_own(
    tmp_path: Path, small_grammar: Path
) -> None:
    (tmp_path / "mine.toml").write_text(
        study_toml(
            small_grammar,
            search='algorithm = "grid"\nn_trials = 3\nn_concurrent = 2',
            scheduler='name = "none"',
        )
    )
    searched = reservoir_search("run", "mine.toml", cwd=tmp_path)
    assert searched.returncode == 0, searched.stderr
    study = tmp_path / "studies" / "mine"
    command = ("confirm", "mine", "--top", "2", "--seeds", "3", "--baseline", "LLL")
    kill_in_the_middle(tmp_path, study / "confirm", *command)
    done = reservoir_search(*command, cwd=tmp_path, timeout=900)
    assert done.returncode == 0, done.stderr
    assert " trials, 2 at a time, take " in done.stderr

    records = records_in(study / "confirm")
    assert {record.state for record in records} == {"completed"}
    assert {record.config.seed for record in records} == {2, 3, 4}  # not the study's own 1
    assert len({record.key for record in records}) == len(records) == 9
    assert "winner" in done.stdout
    shown = json.loads(reservoir_search("show", "mine", "--json", cwd=tmp_path).stdout)
    assert [entrant["n_seeds"] for entrant in shown["confirm"]["entrants"]] == [3, 3, 3]
    assert len(shown["trials"]) == 3
    assert verdicts_of("mine", tmp_path) == ["ok"] * 8  # the search's and those of confirm

    others = reservoir_search("confirm", "mine", "--top", "1", "--baseline", "LL", cwd=tmp_path)
    assert others.returncode == 2
    assert "holds the confirmation of other layouts" in others.stderr
    assert reservoir_search("report", "mine", cwd=tmp_path).returncode == 0
    page = (study / "report.html").read_text()
    assert "Confirmation over seeds" in page
    assert "Mean over the completed seeds, with a band" in page
    assert reservoir_search("doctor", "mine", cwd=tmp_path).returncode == 0
