"""The doctor on an interrupted ``confirm``, and on one broken in each way that it can mend.

The trials are made by hand; the tracking and the storage are the real ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from search.cli import app, exit_code
from search.doctor.examine import examine
from search.replicates.entrant import Entrant
from search.replicates.lineup import LINEUP, Lineup
from search.replicates.plans import AllSeeds
from search.replicates.replicate_trials import ReplicateTrials
from search.study.config import StudyConfig
from search.study.folder import ConfirmFolder, StudyFolder, make_study_folder
from search.study.ledger import Ledger, read_records
from spaces.candidate import Candidate
from spaces.layout import Layout
from tests.search.conftest import TINY_STUDY
from tests.search.doctor.test_doctor import (
    contents,
    faults_and_waiting,
    flip_a_bit_in_each_line,
    lose_all_trials,
    train,
)
from trainable.checkpoint import BEST_WEIGHTS

pytestmark = pytest.mark.timeout(600)

# Of two entrants with two seeds, one seed after another; the last trial was interrupted.
STATES = ("completed", "failed", "completed", "running")
WAITING = ["1 interrupted; the same command goes on with them"]

Harm = Callable[[ConfirmFolder], object]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, small_grammar: Path) -> Path:
    """A study as a ``confirm`` that was killed leaves it, from which the tests take copies."""
    place = tmp_path_factory.mktemp("template")
    (place / "study.toml").touch()
    config = StudyConfig.model_validate({**TINY_STUDY, "data": str(small_grammar)})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        study = StudyFolder(make_study_folder(config, place / "study.toml", small_grammar).path)
        folder = study.confirm
        folder.path.mkdir()
        shutil.copyfile(study.study_file, folder.study_file)
        folder.resolve(config, small_grammar, purpose="confirm")
        lineup = Lineup(entrants=(entrant("RL", config), entrant("LL", config)), seeds=(2, 3))
        lineup.save(folder.path)
        ledger = Ledger.open(folder.trials)
        source = ReplicateTrials(config, ledger, AllSeeds(lineup=lineup), data=study.data())
        train(config, folder, ledger, source, STATES, n_kept=None)
    return place / study.path


def entrant(encoder: str, config: StudyConfig) -> Entrant:
    candidate = Candidate(
        encoder=Layout.parse(encoder),
        decoder=config.space.first_decoder,
        reservoir_gain=1.0,
        hyper={},
    )
    return Entrant(name=encoder, candidate=candidate)


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConfirmFolder:
    """``confirm`` of a copy of the study, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copytree(template, tmp_path / "studies/tiny")
    study = StudyFolder(tmp_path / "studies/tiny")
    study.change(place=str(study.path))  # else the doctor gives the copy an id of its own
    return study.confirm


def test_an_interrupted_confirm_waits_and_has_no_fault(folder: ConfirmFolder):
    before = contents(folder)
    assert faults_and_waiting(examine(folder, repair=False)) == ([], WAITING)
    assert contents(folder) == before, "looking changes nothing"


def change_a_letter_of_the_lineup(folder: ConfirmFolder) -> None:
    path = folder.path / LINEUP
    path.write_text(path.read_text().replace('"RL"', '"LR"', 1))


def damage_the_database(folder: ConfirmFolder) -> None:
    content = bytearray(folder.mlflow_database.read_bytes())
    content[100:110] = b"\xff" * 10
    folder.mlflow_database.write_bytes(content)


@pytest.mark.parametrize(
    "harm",
    [
        flip_a_bit_in_each_line,
        lose_all_trials,
        change_a_letter_of_the_lineup,
        pytest.param(damage_the_database, marks=pytest.mark.slow),
    ],
)
def test_each_memory_of_confirm_comes_back_from_the_others(folder: ConfirmFolder, harm: Harm):
    before = read_records(folder.trials)
    weights = {path: data for path, data in contents(folder).items() if folder.ray in path.parents}
    harm(folder)
    assert faults_and_waiting(examine(folder, repair=False))[0] != []
    faults, waiting = faults_and_waiting(examine(folder, repair=True))
    assert faults == []
    assert set(waiting) <= {*WAITING, "it is gone; the same command writes it again"}
    # Of a running trial these come with its next validation.
    unknown = {"n_epochs": None, "warmup_s": None, "peak_memory_bytes": None}
    runs = {"mlflow_run_id": None}  # a run may have been made again
    after = read_records(folder.trials)
    assert {id_: replace(record, **unknown, **runs) for id_, record in after.items()} == {
        id_: replace(record, **unknown, **runs) for id_, record in before.items()
    }
    assert {**contents(folder), **weights} == contents(folder)


def test_an_end_that_trials_jsonl_lost_comes_back_from_mlflow(folder: ConfirmFolder):
    before = read_records(folder.trials)
    running = replace(before[0], state="running", aucc=None, objective=None, curve=())
    Ledger(folder.trials, {**before, 0: running}).compact()
    assert faults_and_waiting(examine(folder, repair=True)) == ([], WAITING)
    assert read_records(folder.trials) == before


def test_empty_weights_of_a_replicate_are_a_fault_with_its_remedy(folder: ConfirmFolder):
    (file,) = folder.ray.glob(f"session-001/trial-0000/*/{BEST_WEIGHTS}")
    file.write_bytes(b"")
    (fault,) = faults_and_waiting(examine(folder, repair=False))[0]
    assert fault.startswith("trial 0 is completed and its weights are damaged (")
    assert fault.endswith("; restore them from a copy")


@pytest.mark.parametrize("command", ["show", "report", "confirm"])
def test_a_damaged_confirm_is_one_line_that_names_the_repair(
    folder: ConfirmFolder, command: str, capsys: pytest.CaptureFixture[str]
):
    home = folder.home
    shutil.copyfile(folder.trials, home.trials)  # so that the study has a best trial
    flip_a_bit_in_each_line(folder)
    assert exit_code(lambda: app([command, "tiny"], standalone_mode=False)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: studies/tiny/confirm/trials.jsonl: line 1 is not a trial (")
    assert "rebuild it with: reservoir-search doctor studies/tiny/confirm --mend" in line


def test_doctor_of_a_study_looks_at_its_confirm_and_at_nothing_else_by_its_folder(
    folder: ConfirmFolder, capsys: pytest.CaptureFixture[str]
):
    flip_a_bit_in_each_line(folder)
    whole = examine(folder.home, repair=False)
    assert {f.subject: f.verdict for f in whole if f.subject.startswith("confirm: ")} == {
        "confirm: trials.jsonl": "fault",
        "confirm: lineup.json": "ok",
        "confirm: checkpoints": "fault",
        "confirm: MLflow": "fault",
    }
    assert len(whole) == 8
    argument = "studies/tiny/confirm"
    assert exit_code(lambda: app(["doctor", argument, "--mend"], standalone_mode=False)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 5  # four checks, and what waits
