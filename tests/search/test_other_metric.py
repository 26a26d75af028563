"""A study whose scores are no BLEU says so wherever it is shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from search.replicates.confirm import Confirmation
from search.replicates.confirm_table import headings
from search.replicates.contest import Contest
from search.report.page import page_html
from search.report.reported_study import read_study
from search.report.sections import SECTIONS
from search.report.trials_table import study_json, study_table
from search.stats.prediction import predictions
from search.study.folder import StudyFolder
from search.study.ledger import Ledger

METRIC = "Accuracy"


@pytest.fixture
def folder(recorded_study: Callable[..., StudyFolder]) -> StudyFolder:
    made = recorded_study("one", {0: "stopped"})
    ledger = Ledger.open(made.trials)
    for record in ledger.records:
        ledger.put(dataclasses.replace(record, metric=METRIC))
    return made


def test_the_table_of_trials(folder: StudyFolder, capsys: pytest.CaptureFixture[str]):
    study_table(folder)
    printed = capsys.readouterr().out
    assert f" {METRIC} " in printed
    assert "BLEU" not in printed


def test_the_json(folder: StudyFolder):
    shown = study_json(folder)
    assert {trial["metric"] for trial in shown["trials"]} == {METRIC}
    assert "bleu" not in str(shown).lower()


def test_the_report(folder: StudyFolder):
    study = read_study(folder)
    page = page_html(study, [made for make in SECTIONS if (made := make(study)) is not None])
    assert f"Validation {METRIC}" in page
    assert f"{METRIC} × updates" in page
    assert "BLEU" not in page.replace("sacrebleu", "")


def test_the_predictions(folder: StudyFolder):
    named = predictions(read_study(folder).records)
    assert not any("BLEU" in name for name in named)


def test_a_confirmation():
    begun = Contest(standings=(), winner=None, n_seeds=0, looks=(3,), tests={})
    confirmation = Confirmation(metric=METRIC, contest=begun, n_seeds_before=None, bootstrap=None)
    assert headings(confirmation) == ["objective", "AUCC", METRIC]
