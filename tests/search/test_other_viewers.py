"""The study in other programs: Optuna's plots, TensorBoard, spreadsheets."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna import visualization
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from tensorboardX.proto.event_pb2 import Event
from typer.testing import CliRunner

from search.cli import app
from tests.search.conftest import RealStudy


@pytest.fixture(scope="module")
def in_optuna(real_study: RealStudy, tmp_path_factory: pytest.TempPathFactory) -> optuna.Study:
    log = tmp_path_factory.mktemp("optuna") / "optuna.log"
    shutil.copyfile(real_study.folder.optuna_log, log)
    return optuna.load_study(
        study_name="mine", storage=JournalStorage(JournalFileBackend(str(log)))
    )


def test_optuna_has_the_curve_and_the_layout_of_each_trial(
    real_study: RealStudy, in_optuna: optuna.Study
):
    for record in real_study.records:
        assert record.optuna_number is not None
        trial = in_optuna.trials[record.optuna_number]
        assert list(trial.intermediate_values) == [point.updates for point in record.curve]
        attributes = trial.user_attrs
        assert (attributes["trial"], attributes["layout"]) == (record.id, record.canonical)
        assert attributes.get("score") == record.best_score
        # A trial that failed at once was told before MLflow had its run.
        known = (
            {record.mlflow_run_id} if record.state == "completed" else {None, record.mlflow_run_id}
        )
        assert attributes.get("mlflow_run_id") in known
        if record.state == "completed":
            assert list(trial.intermediate_values.values())[-1] == record.objective


def test_optunas_plots_show_the_search(real_study: RealStudy, in_optuna: optuna.Study):
    completed = [r.objective for r in real_study.records if r.state == "completed"]
    history = visualization.plot_optimization_history(in_optuna).data[0]
    assert set(history.y) == set(completed)
    curves = visualization.plot_intermediate_values(in_optuna).data
    with_curve = [t for t in in_optuna.trials if t.intermediate_values]
    assert len(curves) == len([t for t in with_curve if t.state is not TrialState.FAIL])
    drawn = visualization.plot_parallel_coordinate(in_optuna).data
    axes = {axis for trace in drawn for axis, _ in trace.customdata or ()}
    assert axes >= {"train.lr", "depth"}


def test_tensorboard_has_the_scores_of_each_trial(real_study: RealStudy):
    for record in real_study.records:
        folder = real_study.folder.path / "tensorboard" / f"trial-{record.id:04d}"
        scores = [
            (event.step, value.simple_value)
            for file in sorted(folder.glob("events.out.tfevents.*"))
            for event in events(file)
            for value in event.summary.value
            if value.tag == "ray/tune/score"
        ]
        expected = [(point.updates, pytest.approx(point.score)) for point in record.curve]
        assert [s for s in scores if s[0]] == expected


def events(file: Path) -> Iterator[Event]:
    """Events of a file: each a length of 8 bytes, a checksum of 4, the event, another 4."""
    data = file.read_bytes()
    while data:
        length = int.from_bytes(data[:8], "little")
        yield Event.FromString(data[12 : 12 + length])
        data = data[16 + length :]


def test_show_csv_has_a_row_for_each_trial_and_the_same_columns_for_every_study(
    real_study: RealStudy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(real_study.place)
    shown = CliRunner().invoke(app, ["show", "mine", "--csv"], catch_exceptions=False)
    rows = {int(row["id"]): row for row in csv.DictReader(shown.stdout.splitlines())}
    assert sorted(rows) == [record.id for record in real_study.records]
    for record in real_study.records:
        row = rows[record.id]
        assert (row["layout"], row["state"]) == (record.canonical, record.state)
        assert row["train.lr"] == str(record.config.train.lr)
        assert row["score"] == ("" if record.best_score is None else str(record.best_score))
    columns = list(rows[0])
    assert columns[:3] == ["id", "reference", "state"]
    assert {"proxy", "warmup_s", "model.d_model"} <= set(columns)
