"""References in the table, the JSON and the page of a study."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from search.report.page import page_html
from search.report.reported_study import read_study
from search.report.sections import SECTIONS
from search.report.study_result import print_verdict
from search.report.trials_table import study_json, study_table
from search.study.config import StudyConfig
from search.study.console import VisibleConsole
from search.study.folder import StudyFolder
from search.study.ledger import Ledger, sorted_records
from search.study.trial_record import TrialRecord
from spaces.candidate import Candidate
from spaces.layout import Layout
from trainable.config import TrialConfig

# Layout, role, whether it is a suggestion, and AUCC: the winner is RLL.
TRIALS = (
    ("LLL", "model0", False, 50.0),
    ("RLL", None, True, 46.0),
    ("R1LR1", None, True, 20.0),
    ("LL", "deletion", False, 40.0),
)


@pytest.fixture
def folder(
    tiny_study: Callable[..., StudyConfig],
    tiny_trial: TrialConfig,
    make_record: Callable[..., TrialRecord],
    tmp_path: Path,
) -> StudyFolder:
    space = {"depth": 3, "n_reservoirs": [1, 2], "interleaving": ["bottom", "even"]}
    config = tiny_study(
        name="shown", space=space, search={"references": True}, objective={"name": "aucc"}
    )
    made = StudyFolder(tmp_path / "shown")
    made.path.mkdir()
    made.study_file.write_text("")
    made.resolve(config, Path(tiny_trial.data))
    ledger = Ledger.open(made.trials)
    for id_, (layout, role, is_suggested, area) in enumerate(TRIALS):
        candidate = Candidate(
            encoder=Layout.parse(layout), decoder=Layout.parse("L"), reservoir_gain=1.0, hyper={}
        )
        ledger.put(
            make_record(
                id_,
                key=candidate.key,
                layout=candidate.encoder,
                config=config.trial(candidate, data=tiny_trial.data),
                optuna_number=id_ if is_suggested else None,
                reference=role,
                aucc=area,
                objective=area,
                n_epochs=1.0,
                peak_memory_bytes=1000,
            )
        )
    return made


def shown_at(folder: StudyFolder, width: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    with mock.patch("search.report.trials_table.output", return_value=VisibleConsole(width=width)):
        study_table(folder)
    return capsys.readouterr().out.splitlines()


def test_the_table_divides_by_model0_and_names_the_roles(
    folder: StudyFolder, capsys: pytest.CaptureFixture[str]
):
    lines = shown_at(folder, 140, capsys)
    heading = next(line for line in lines if "÷ Model 0" in line)
    assert heading.split()[:2] == ["trial", "encoder"]
    rows = {line.split()[1]: line for line in lines if line.split()[:1] in (["0"], ["1"], ["3"])}
    assert " 0.920 " in rows["RLL"]  # 46 / 50
    assert " 0.800 " in rows["LL"]
    assert "Model 0" in rows["LLL"]
    assert "deletion" in rows["LL"]


@pytest.mark.parametrize("width", [140, 80, 60, 40])
def test_a_narrow_terminal_has_fewer_columns_and_no_broken_line(
    folder: StudyFolder, capsys: pytest.CaptureFixture[str], width: int
):
    lines = shown_at(folder, width, capsys)
    heading = next(line for line in lines if "encoder" in line)
    assert {"trial", "encoder", "objective", "*"} <= set(heading.split())
    assert ("decoder" in heading) == (width == 140)
    rows = [line for line in lines[lines.index(heading) + 2 :] if line[:7].strip().isdigit()]
    assert len(rows) == len(TRIALS)
    assert all(len(line) <= width for line in rows)


def test_the_json_has_the_references_with_what_they_are_of(folder: StudyFolder):
    shown = study_json(folder)
    assert [
        (each["role"], each["of"], each["trial"]["layout"]) for each in shown["references"]
    ] == [
        ("model0", None, "LLL"),
        ("deletion", 1, "LL"),
    ]
    assert shown["best"]["layout"] == "RLL"
    assert all({"metric", "score"} <= trial.keys() for trial in shown["trials"])
    assert [trial.get("reference") for trial in shown["trials"]] == [
        "model0",
        None,
        None,
        "deletion",
    ]


def test_the_page_has_the_verdict_and_the_references(
    folder: StudyFolder, capsys: pytest.CaptureFixture[str]
):
    sentence = "the AUCC of RLL is 1.150 of that of LL, the same layout without them"
    print_verdict(folder.config(), sorted_records(folder.trials))
    assert sentence in capsys.readouterr().out
    study = read_study(folder)
    sections = [section for make in SECTIONS if (section := make(study)) is not None]
    page = page_html(study, sections)
    assert sentence in page
    assert "Against the references" in page
    assert "AUCC ÷ Model 0" in page


@pytest.mark.parametrize("width", [50, *range(64, 112)])
def test_no_cell_of_the_table_is_folded_at_a_terminal(
    width: int,
    recorded_study: Callable[..., StudyFolder],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    folder = recorded_study("mine")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    study_table(folder)
    _, _, table = capsys.readouterr().out.partition("──\n")
    rows, _, _ = table.partition("\n\n")
    assert len(rows.splitlines()) == len(sorted_records(folder.trials))
