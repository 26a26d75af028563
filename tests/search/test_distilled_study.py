"""A study whose trials have a teacher: its record, MLflow, ``show``, the export."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from mlflow.tracking import MlflowClient

from search.doctor.examine import examine
from search.exports.export import export_layout
from search.report.trials_table import study_table
from search.run.driver import start_study
from search.run.recorder import Recorder
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import Ledger, read_records, sorted_records
from search.study.trial_record import TrialRecord
from search.tracking.recorded_trial import recorded_trial
from search.tracking.store import tracking_uri
from spaces.errors import UserError
from tests.encoder_exports import write_export
from tests.search.command_line import reservoir_search, study_toml
from trainable.export_files import exported_config
from trainable.tasks.registry import load_task
from trainable.teacher_cost import TeacherCost
from trainable.trial_result import trial_result

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
    tmp_path: Path, small_grammar: Path, monkeypatch: pytest.MonkeyPatch
):
    data = Path(shutil.copytree(small_grammar, tmp_path / "data"))
    teacher = write_export(data, tmp_path / "teacher", decoder="L")
    text = study_toml(
        data,
        space="depth = 2\nn_reservoirs = [0, 1]\ndecoder_depth = 1",
        train='lr = 5e-3\nwarmup_updates = 4\nbatch_tokens = 256\ndistill = "teacher"',
        search='n_trials = 2\nalgorithm = "random"',
    )
    (tmp_path / "mine.toml").write_text(text)
    done = reservoir_search("run", "mine.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    monkeypatch.chdir(tmp_path)
    folder = StudyFolder(Path("studies/mine"))
    records = sorted_records(folder.trials)
    costs = {record.teacher for record in records}
    (cost,) = costs  # one table for all trials
    assert cost is not None
    model = exported_config(teacher, "test").model
    task = load_task(str(data))
    n_params = task.count_params(model.encoder, model.decoder, task.dimensions(model)).total
    assert cost.n_params_total == n_params
    assert len(list(data.glob("teacher-*/"))) == 1
    assert f"teacher {teacher}: {n_params / 1e6:.3f} M parameters" in done.stdout

    assert [finding.faults for finding in examine(folder, repair=False) if finding.faults] == []
    config = folder.config()
    client = MlflowClient(tracking_uri(config, folder))
    for record in records:
        run = client.get_run(str(record.mlflow_run_id))
        assert run.data.params["train.distill"] == str(teacher)
        number = record.optuna_number
        assert number is not None
        read = recorded_trial(client, run, id_=record.id, space=config.space, optuna_number=number)
        assert read == record

    exported, _ = export_layout(folder, trial=None, out=None, train=True)
    assert f"| teacher, word by word | `{teacher}`, 0.5 of the loss: " in (
        exported / "README.md"
    ).read_text(encoding="utf-8")
    script = (exported / "fairseq-train.sh").read_text(encoding="utf-8")
    assert "# Without its teacher: fairseq has no word-level distillation" in script


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
