"""Two studies side by side in the report."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from search.report.page import sections_of, write_report
from search.report.reported_study import ReportedStudy, read_study
from search.report.section import Section
from search.report.sections.against import against, differing_settings, pairs_of
from search.report.sections.progress import steps_of
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from tests.search.report_studies import completed, mixed, searched_study

Make = Callable[..., ReportedStudy]


@pytest.fixture(scope="module")
def make(
    tiny_study: Callable[..., StudyConfig],
    small_grammar: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Make:
    """A searched study; keywords change its tables."""
    place = tmp_path_factory.mktemp("studies")

    def better(record: TrialRecord) -> dict[str, Any]:
        ended = mixed(record)
        if ended["state"] != "completed":
            return ended
        return completed(record, 1.5 * ended["curve"][-1].score)

    def make_study(name: str, *, is_better: bool = False, **tables: Any) -> ReportedStudy:
        search = {"algorithm": "random", "n_trials": 12, **tables.pop("search", {})}
        config = tiny_study(name=name, search=search, **tables)
        outcome = better if is_better else mixed
        return read_study(searched_study(config, place / name, small_grammar, outcome))

    return make_study


@pytest.fixture(scope="module")
def study(make: Make) -> ReportedStudy:
    return make("first")


@pytest.fixture(scope="module")
def other(make: Make) -> ReportedStudy:
    return make("second", is_better=True, search={"n_trials": 14}, scheduler={"grace": 8})


def text_of(section: Section) -> str:
    return " ".join(Markup(re.sub("<[^>]*>", " ", section.body)).unescape().split())


def test_models_that_both_trained_are_paired_by_layout_and_settings(
    study: ReportedStudy, other: ReportedStudy
):
    pairs = pairs_of(study, other)
    assert pairs
    assert len(pairs) == len({r.key for r in study.compared} & {r.key for r in other.compared})
    for pair in pairs:
        assert pair.own.key == pair.other.key
        assert pair.ratio == pytest.approx(1.5)  # by the outcomes above
    text = text_of(against(study, other))
    assert f"{len(pairs)} models were trained to the end in both" in text
    assert "first has the better objective in 0 of them" in text
    assert "the objective of second is 1.500 of that of first" in text


def test_the_best_trials_and_the_best_so_far_are_those_of_each_study(
    study: ReportedStudy, other: ReportedStudy
):
    section = against(study, other)
    assert section.title == "Beside second"
    text = text_of(section)
    for each in (study, other):
        assert each.best is not None
        assert f"{each.name} {len(each.records)} {each.best.id} {each.best.canonical}" in text
    assert section.body.count("data-figure=") == 1
    last = steps_of(other)[-1].best.objective
    assert f"{last}" in section.body.split("against-data-1")[-1]


def test_settings_that_differ_are_told_and_the_names_are_not(
    study: ReportedStudy, other: ReportedStudy
):
    assert list(differing_settings(study, other)) == [
        ("search.n_trials", "12", "14"),
        ("scheduler.grace", "4.0", "8.0"),
    ]


def test_studies_of_different_budgets_do_not_compare_and_the_page_says_why(
    study: ReportedStudy, make: Make
):
    longer = make("longer", budget={"updates": 24}, objective={"name": "aucc"})
    section = against(study, longer)
    text = text_of(section)
    assert "do not compare: [budget] differs, [objective] differs." in text
    assert "Models that both trained" not in text
    assert section.body.count("data-figure=") == 2  # two units have no common axis
    assert "budget.updates 12 24" in text


def test_studies_whose_data_are_gone_do_not_compare(study: ReportedStudy, other: ReportedStudy):
    gone = ReportedStudy(**{**_fields(other), "manifest": None})
    assert "do not compare: prepared data are gone" in text_of(against(study, gone))


def test_a_study_without_a_completed_trial_is_shown_too(study: ReportedStudy):
    without = ReportedStudy(**{**_fields(study), "records": []})
    text = text_of(against(study, without))
    assert "0 none yet" in text
    assert "None was trained to the end in both." in text


def _fields(study: ReportedStudy) -> dict[str, Any]:
    names = ("folder", "config", "records", "suggestions", "resolved", "manifest")
    return {name: getattr(study, name) for name in names}


def test_the_page_has_the_section_before_the_layouts_and_only_if_asked(
    study: ReportedStudy, other: ReportedStudy, tmp_path: Path
):
    names = [section.name for section in sections_of(study, other)]
    assert names.index("against") == names.index("layouts") - 1
    assert "against" not in [section.name for section in sections_of(study)]
    (page,) = write_report(study.folder, tmp_path / "page.html", None, other.folder)
    assert 'id="against"' in page.read_text(encoding="utf-8")
