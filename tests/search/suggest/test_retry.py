"""Failed trials that are trained again, and what counts as trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from search.doctor.finding import Finding
from search.doctor.suggestions import check_suggestions
from search.run.driver import failed_ids
from search.run.study_totals import study_totals
from search.study.trial_record import TrialRecord
from search.suggest.contract import (
    FOUR_LAYOUTS,
    LISTS,
    SimulatedSearch,
    contract_study,
    some_fail_and_some_stop,
)
from spaces.errors import UserError

Make = Callable[..., TrialRecord]


def optuna_agrees(simulated: SimulatedSearch, folder: Path) -> Finding:
    records = simulated.ledger.records
    finding = check_suggestions(folder / "optuna.log", records, simulated.config)
    assert finding.verdict == "ok", (finding.faults, finding.waiting)
    return finding


@pytest.mark.parametrize("algorithm", ["surrogate", "random", "grid"])
def test_a_failed_trial_that_is_tried_again_has_a_verdict_everywhere(
    tmp_path: Path, algorithm: str
):
    config = contract_study(algorithm, LISTS)
    first = SimulatedSearch(config, tmp_path)
    first.run(some_fail_and_some_stop)
    before = first.ledger.records
    failed = [record.id for record in before if record.state == "failed"]
    n_suggestions = first.trials.counts().n_suggestions
    assert first.trials.counts().n_trained == len(before) - len(failed)
    assert failed
    # As a driver that resumes: retries are asked for before the searcher looks for its trials.
    again = SimulatedSearch(config, tmp_path)
    again.trials.retry(failed)
    assert [again.ledger[id_].curve for id_ in failed] == [()] * len(failed)
    again = SimulatedSearch(config, tmp_path)
    again.run()
    after = again.ledger.records
    assert [record.id for record in after] == [record.id for record in before]
    assert [record.key for record in after] == [record.key for record in before]
    assert all(record.is_trained for record in after)
    assert again.trials.counts().n_trained == len(after)
    assert again.trials.counts().n_suggestions == n_suggestions
    optuna_agrees(again, tmp_path)
    trials = again.trials.suggestions
    values = {trial.number: trial.value for trial in trials if trial.state is TrialState.COMPLETE}
    assert all(values[again.ledger[id_].optuna_number] == after[id_].objective for id_ in failed)


def test_a_suggestion_that_repeated_a_failed_trial_is_written_off(tmp_path: Path):
    config = contract_study("random", FOUR_LAYOUTS)
    first = SimulatedSearch(config, tmp_path)
    first.run(lambda _id: "failed")
    assert first.trials.counts().n_repeated > 0
    again = SimulatedSearch(config, tmp_path)
    again.trials.retry([record.id for record in first.ledger.records])
    again = SimulatedSearch(config, tmp_path)
    again.run()
    optuna_agrees(again, tmp_path)


def test_a_driver_that_ends_within_a_retry_leaves_a_failed_trial_or_an_interrupted_one(
    tmp_path: Path,
):
    config = contract_study("random", LISTS)
    first = SimulatedSearch(config, tmp_path)
    first.run(some_fail_and_some_stop)
    ledger = (tmp_path / "trials.jsonl").read_bytes()
    (failed, *_) = [record.id for record in first.ledger.records if record.state == "failed"]
    SimulatedSearch(config, tmp_path).trials.retry([failed])
    (tmp_path / "trials.jsonl").write_bytes(ledger)  # the journal is written first
    resumed = SimulatedSearch(config, tmp_path)
    assert resumed.ledger[failed].state == "failed"
    optuna_agrees(resumed, tmp_path)


def test_what_is_tried_again_is_all_that_failed_or_what_is_named(make_record: Make):
    states = ("failed", "completed", "failed", "stopped", "running")
    records = {id_: make_record(id_, state=state) for id_, state in enumerate(states)}
    assert failed_ids(records, []) == [0, 2]
    assert failed_ids(records, [2]) == [2]
    for id_, told in ((1, "the trial is completed"), (4, "is running"), (9, "no such trial")):
        with pytest.raises(UserError, match=rf"^--retry-failed {id_}: .*{told}"):
            failed_ids(records, [id_])


def test_a_study_counts_no_failure_as_trained_in_mlflow(tmp_path: Path):
    simulated = SimulatedSearch(contract_study("random", LISTS), tmp_path)
    simulated.run(some_fail_and_some_stop)
    counts, records = simulated.trials.counts(), simulated.ledger.records
    n_failed = sum(record.state == "failed" for record in records)
    metrics, _ = study_totals(counts, records, simulated.config, data="absent")
    assert metrics["n_trained"] == len(records) - n_failed
    assert f"{len(records) - n_failed} trained" in str(counts)


def test_a_trial_that_begins_again_has_nothing_of_its_failure(make_record: Make):
    failed = make_record(state="failed", reason="its process died", mlflow_run_id="run", proxy=0.5)
    fresh = failed.begun_again(optuna_number=7)
    assert fresh == make_record(
        state="running",
        optuna_number=7,
        mlflow_run_id="run",
        proxy=0.5,
        curve=(),
        aucc=None,
        objective=None,
    )
