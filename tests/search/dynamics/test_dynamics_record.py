"""Dynamics at each validation: from a trial's result to its record and to MLflow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from search.run.recorder import Recorder
from search.study.config import StudyConfig
from search.study.folder import make_study_folder
from search.study.ledger import Ledger, read_records
from search.study.trial_record import TrialRecord
from search.tracking.tracking import Tracking
from trainable.trial_result import trial_result

MEASURED = {4: {"lyapunov": -0.1}, 8: {"lyapunov": 0.2, "token_spread": 0.5}}


def report(recorder: Recorder, record: TrialRecord, n_points: int, **dynamics: Any) -> None:
    """Report to the recorder the result of ``record``'s trial after ``n_points`` validations."""
    trial = record.config
    result = trial_result(
        record.curve[:n_points],
        area=1.0,
        objective=trial.objective,
        counts=record.counts,
        finished=n_points == len(record.curve),
        n_epochs=1.0,
        peak_memory_bytes=1,
        **dynamics,
    )
    recorder.on_trial_result(0, [], SimpleNamespace(config={"id": record.id}), result)


@pytest.fixture
def ledger(make_record: Callable[..., TrialRecord], tmp_path: Path) -> Ledger:
    """One trial that has reported nothing yet."""
    ledger = Ledger.open(tmp_path / "trials.jsonl")
    ledger.put(make_record(0, state="running", curve=()))
    return ledger


def test_a_record_keeps_those_of_each_validation(
    ledger: Ledger, make_record: Callable[..., TrialRecord], tmp_path: Path
):
    whole = make_record(0)
    recorder = Recorder(None, ledger, [])
    report(recorder, whole, 1, dynamics=MEASURED[4])
    report(recorder, whole, 2, dynamics=MEASURED[8])
    kept = {"4": MEASURED[4], "8": MEASURED[8]}
    assert ledger[0].dynamics == kept
    assert read_records(tmp_path / "trials.jsonl")[0].dynamics == kept

    again = Recorder(
        None, Ledger.open(tmp_path / "trials.jsonl"), []
    )  # it went on, and the 8 is redone
    report(again, whole, 2, dynamics={"lyapunov": 0.3})
    assert read_records(tmp_path / "trials.jsonl")[0].dynamics == {
        "4": MEASURED[4],
        "8": {"lyapunov": 0.3},
    }


def test_a_record_of_a_trial_that_measures_none_has_none(
    ledger: Ledger, make_record: Callable[..., TrialRecord]
):
    report(Recorder(None, ledger, []), make_record(0), 2)
    assert ledger[0].dynamics == {}
    assert len(ledger[0].curve) == 2


def test_mlflow_has_them_at_the_update_of_their_validation(
    tiny_study: Callable[..., StudyConfig],
    make_record: Callable[..., TrialRecord],
    studies_here: Path,
):
    store = f"sqlite:///{studies_here / 'store.db'}"
    config = tiny_study(name="measured", tracking={"uri": store})
    (studies_here / "study.toml").touch()
    folder = make_study_folder(config, studies_here / "study.toml", studies_here)
    ledger = Ledger.open(folder.trials)
    ledger.put(make_record(0, dynamics={str(update): MEASURED[update] for update in MEASURED}))
    tracking = Tracking.start(config, folder, ledger)
    tracking.note(ledger[0])
    assert tracking.close("FINISHED", metrics={}, tags={})

    client = MlflowClient(store)

    def history(name: str) -> dict[int, float]:
        run_id = str(ledger[0].mlflow_run_id)
        return {metric.step: metric.value for metric in client.get_metric_history(run_id, name)}

    assert history("lyapunov") == {4: -0.1, 8: 0.2}
    assert history("token_spread") == {8: 0.5}
    assert history("score") == {4: 2.0, 8: 6.0, 12: 7.0}
