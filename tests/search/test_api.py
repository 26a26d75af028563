"""``from search import Study``: the command line's studies, from Python."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search import Study
from search.study.config import load_study
from search.study.folder import StudyFolder
from spaces.errors import UserError
from tests.search.command_line import environment
from tests.search.conftest import TINY_STUDY, RealStudy

NOTEBOOK = Path(__file__).parents[2] / "docs/notebooks/study.ipynb"


def test_settings_join_those_of_the_file(studies_here: Path):
    shutil.copy(NOTEBOOK.parents[2] / "studies/quickstart.toml", "mine.toml")
    study = Study.new("mine.toml", model={"d_model": 32}, seed=7)
    file = load_study(Path("mine.toml"))
    assert study.name == "mine"
    assert study.settings == file.model_copy(
        update={"seed": 7, "model": file.model.model_copy(update={"d_model": 32})}
    )
    assert repr(study) == "<Study mine: no trials yet>"
    assert study.trials.empty
    assert study.curves.empty
    assert study.best is None


def test_importing_it_prints_nothing_and_leaves_the_callers_logging(tmp_path: Path):
    lines = "import logging; from search import Study; print(logging.root)"
    done = subprocess.run(
        [sys.executable, "-c", lines],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("<RootLogger root (WARNING)>\n", "")


def test_a_wrong_setting_is_told_as_the_command_line_does(studies_here: Path):
    with pytest.raises(UserError, match=r"Study.new: train.lrr 3: there is no such setting"):
        Study.new(**{**TINY_STUDY, "train": {"lrr": 3}})


def test_a_study_that_exists_is_opened_not_made_again(
    studies_here: Path, recorded_study: Callable[..., StudyFolder]
):
    made = recorded_study("mine")
    (studies_here / "studies").mkdir()
    made.path.rename("studies/mine")
    with pytest.raises(UserError, match=r"already holds a study; .* Study.open\('mine'\)"):
        Study.new(**{**TINY_STUDY, "name": "mine"})
    with pytest.raises(UserError, match="neither"):
        Study.open("other")
    assert Study.open("mine").folder == Path("studies/mine")


def test_a_name_means_a_file_of_studies_and_what_needs_trials_says_how_to_begin(
    studies_here: Path,
):
    (studies_here / "studies").mkdir()
    shutil.copy(NOTEBOOK.parents[2] / "studies/quickstart.toml", "studies")
    study = Study.new("quickstart", name="mine")
    assert study.settings.space == load_study(Path("studies/quickstart.toml")).space
    for begun in (study.resume, study.export, study.report, lambda: study.translate(["a"])):
        with pytest.raises(UserError, match=r"study mine: nothing was .* begin with run\(\)"):
            begun()
    with pytest.raises(UserError, match="study files there: quickstart"):
        Study.new("quick")


def test_tables_hold_what_show_and_the_curves_hold(real_study: RealStudy):
    study = Study.open(real_study.folder.path)
    records = {record.id: record for record in real_study.records}
    trials, curves = study.trials, study.curves
    assert sorted(trials.index) == sorted(records)
    for id_, row in trials.iterrows():
        assert row["layout"] == records[id_].canonical
        assert row["train.lr"] == records[id_].config.train.lr
    assert len(curves) == sum(len(record.curve) for record in records.values())
    best = study.best
    assert best is not None
    completed = trials[trials["state"] == "completed"]
    assert best["objective"] == completed["objective"].max()


@pytest.mark.slow
def test_the_notebook_runs_and_prints_nothing(
    studies_here: Path, capsys: pytest.CaptureFixture[str]
):
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    study = names["study"]
    assert set(study.trials["state"]) == {"completed"}
    assert study.trials["reference"].isna().sum() == 2  # the third layout is Model 0
    assert load_study(study.folder / "study.toml") == study.settings
    assert (study.folder / "report.html").is_file()
    assert (study.folder / "export/model.safetensors").is_file()
    assert capsys.readouterr().out == ""
