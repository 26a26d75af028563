"""A study whose trials have a teacher: its record, MLflow, ``show``, the export."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from search.exports.export import export_layout
from search.report.trials_table import study_table
from search.run.driver import start_study
from search.run.recorder import Recorder
from search.study.config import StudyConfig
from search.study.folder import StudyFolder, make_study_folder
from search.study.ledger import Ledger, read_records
from search.study.task_settings import settled
from search.study.trial_record import TrialRecord
from search.tracking.recorded_trial import recorded_trial
from search.tracking.tracking import Tracking
from spaces.candidate import Candidate
from spaces.errors import UserError
from tests.encoder_exports import write_export
from tests.search.replay.tables import candidates_of
from trainable.config import TrialConfig
from trainable.export_files import exported_config
from trainable.model_size import candidate_size, param_counts
from trainable.ranks import Ranks
from trainable.tasks.registry import load_task
from trainable.teacher_cost import TeacherCost
from trainable.training import Training
from trainable.trial_result import trial_result
from trainable.tune_trainable import _result

COST = TeacherCost(n_params_total=2_500_000, flops=1.5e12, seconds=3.25)
Make = Callable[..., TrialRecord]


def test_a_record_has_its_teachers_cost_from_the_trials_result(make_record: Make, tmp_path: Path):
    ledger = Ledger.open(tmp_path / "trials.jsonl")
    ledger.put(make_record(0, state="running", curve=()))
    whole = make_record(0)
    result = trial_result(
        whole.curve,
        area=1.0,
        objective=whole.config.objective,
        counts=whole.counts,
        finished=False,
        n_epochs=1.0,
        peak_memory_bytes=1,
        teacher=COST,
    )
    trial = SimpleNamespace(config={"id": 0})
    Recorder(None, ledger, []).on_trial_result(0, [], trial, result)
    assert read_records(tmp_path / "trials.jsonl")[0].teacher == COST


def test_a_record_with_a_teacher_is_the_same_from_its_json(make_record: Make):
    record = make_record(teacher=COST)
    assert TrialRecord.from_json(json.dumps(record.to_dict())) == record
    assert record.summary()["teacher"] == dataclasses.asdict(COST)
    assert "teacher" not in make_record().to_dict()
    assert "teacher" not in make_record().summary()


def test_show_tells_the_teachers_cost(
    recorded_study: Callable[..., StudyFolder], capsys: pytest.CaptureFixture[str]
):
    study = recorded_study("one", train={"distill": "studies/large/export"})
    ledger = Ledger.open(study.trials)
    for record in ledger.records:
        ledger.put(dataclasses.replace(record, teacher=COST))
    study_table(study)
    line = "teacher studies/large/export: 2.500 M parameters; its probabilities of the training set"
    assert capsys.readouterr().out.count(line) == 1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_study_learns_from_a_teacher(
    tiny_study: Callable[..., StudyConfig],
    studies_here: Path,
    small_grammar: Path,
    capsys: pytest.CaptureFixture[str],
):
    data = Path(shutil.copytree(small_grammar, studies_here / "data"))
    teacher = write_export(data, studies_here / "teacher", decoder="L")
    task = load_task(str(data))
    store = f"sqlite:///{studies_here / 'store.db'}"
    given = tiny_study(data="data", train={"distill": "teacher"}, tracking={"uri": store})
    config = settled(given, task)
    (studies_here / "study.toml").touch()
    folder = make_study_folder(config, studies_here / "study.toml", data)
    ledger = Ledger.open(folder.trials)
    tracking = Tracking.start(config, folder, ledger)
    recorder = Recorder(None, ledger, [tracking.note])
    for number, candidate in enumerate(candidates_of(config)[:2]):
        train(number, candidate, config.trial(candidate, data=str(data)), recorder, ledger)
    assert tracking.close("FINISHED", metrics={}, tags={})

    records = list(read_records(folder.trials).values())
    (cost,) = {record.teacher for record in records}  # one table for all trials
    assert cost is not None
    model = exported_config(teacher, "test").model
    assert cost.n_params_total == param_counts(model, task).total
    assert len(list(data.glob("teacher-*/"))) == 1
    study_table(folder)
    assert f"teacher {teacher}: {cost}" in capsys.readouterr().out
    client = MlflowClient(store)
    for record in records:
        run = client.get_run(str(record.mlflow_run_id))
        assert run.data.params["train.distill"] == str(teacher)
        options = {"id_": record.id, "space": config.space, "optuna_number": record.id}
        read = recorded_trial(client, run, **options)
        assert read is not None
        assert read.teacher == cost

    exported, _ = export_layout(folder, trial=None, out=None, train=True)
    card = (exported / "README.md").read_text(encoding="utf-8")
    name = "/".join(teacher.parts[-2:])  # not where its owner keeps it
    assert f"| teacher, word by word | `{name}`, 0.5 of the loss: {cost} |" in card
    assert str(teacher) not in card
    script = (exported / "fairseq-train.sh").read_text(encoding="utf-8")
    assert "# Without its teacher: fairseq has no word-level distillation" in script


def train(
    number: int, candidate: Candidate, trial: TrialConfig, recorder: Recorder, ledger: Ledger
) -> None:
    """Train a candidate as Tune does, and let the recorder know."""
    ledger.put(
        TrialRecord(
            id=number,
            layout=candidate.encoder,
            key=candidate.key,
            config=trial,
            counts=candidate_size(trial).counts,
            optuna_number=number,
        )
    )
    tuned: Any = SimpleNamespace(config={"id": number})
    recorder.on_trial_start(0, [], tuned)
    training = Training(trial, ranks=Ranks())
    for _ in training.points():
        recorder.on_trial_result(0, [], tuned, _result(training))
    recorder.on_trial_complete(0, [], tuned)


def test_a_study_with_a_teacher_of_other_words_is_refused_in_one_line(
    tiny_study: Callable[..., StudyConfig],
    small_grammar: Path,
    language_export: Path,
    studies_here: Path,
):
    config = tiny_study(data=str(small_grammar), train={"distill": str(language_export)})
    with pytest.raises(UserError, match=r"^train\.distill [^\n]*: its dictionaries [^\n]*$"):
        start_study(config, studies_here / "study.toml")
    assert not (studies_here / "studies").exists()
