from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.study.config import StudyConfig, load_study, study_from
from search.study.folder import StudyFolder
from search.study.learning_warnings import learning_warnings

ROOT = Path(__file__).resolve().parents[3]
Study = Callable[..., StudyConfig]


@pytest.mark.parametrize(
    ("tables", "beginning"),
    [
        ({"scheduler": {"grace": 3}}, "scheduler.grace 3 is inside the warm-up of 4 updates"),
        ({"train": {"warmup_updates": 13}}, "train.warmup_updates 13 do not end within budget"),
        ({"validation": {"interval_updates": 13}}, "validation.interval_updates 13 is beyond"),
        (
            {"space": {"hyper": {"train.warmup_updates": [2, 20]}}},
            "train.warmup_updates 20 do not end",
        ),
        (
            {
                "train": {"warmup_updates": 4, "batch_tokens": 200},
                "budget": {"updates": 12, "tokens": 600},
                "objective": {"clock": "updates"},
                "scheduler": {"name": "none"},
                "validation": {"interval_updates": 3},
            },
            "train.warmup_updates 4 do not end within budget.tokens 600, 3 full updates",
        ),
    ],
)
def test_what_keeps_trials_from_learning_is_told_in_one_line(
    tiny_study: Study, tables: dict[str, Any], beginning: str
):
    (warning,) = learning_warnings(tiny_study(**tables))
    assert warning.startswith(beginning)
    assert "\n" not in warning


def test_a_scheduler_that_stops_nothing_has_no_grace_to_warn_of(tiny_study: Study):
    assert learning_warnings(tiny_study(scheduler={"name": "none", "grace": 3})) == []


@pytest.mark.parametrize(
    ("warm_up", "grace"),
    [(2, 6.0), (8, 8.0), (12, 6.0)],  # the last ends with the budget
)
def test_a_grace_that_is_not_given_is_half_of_the_budget_and_all_the_warm_up(
    tiny_study: Study, warm_up: int, grace: float
):
    values = tiny_study(train={"warmup_updates": warm_up}).model_dump(mode="json")
    del values["scheduler"]["grace"]
    values["model"] = {"d_model": 16, "ffn": 32, "heads": 2}
    assert study_from(values, "test").scheduler_grace == grace
    values["scheduler"]["name"] = "extrapolation"
    assert study_from(values, "test").scheduler_grace == max(3.0, warm_up % 12)


def test_a_study_keeps_the_grace_that_it_was_begun_with(
    recorded_study: Callable[..., StudyFolder],
):
    folder = recorded_study("one", scheduler={"name": "asha", "grace": None})
    assert folder.config().scheduler.grace == 6.0  # half of 12, written down
    folder.resolve(folder.config())
    assert folder.config().scheduler.grace == 6.0
    old = json.loads(folder.resolved.read_text())["study"]
    old["scheduler"]["grace"] = None  # as earlier versions wrote it
    folder.change(study=old)
    assert folder.config().scheduler.grace == 4.0  # a quarter is 3, but the warm-up is 4
    old["scheduler"]["name"] = "none"
    folder.change(study=old)
    assert folder.config().scheduler.grace is None


def test_the_example_of_the_readme_and_the_shipped_studies_let_trials_learn():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    example = text.split("```toml\n")[1].split("```")[0]
    studies = [study_from({"name": "mine", **tomllib.loads(example)}, "README.md")]
    studies += [load_study(path) for path in sorted((ROOT / "studies").glob("*.toml"))]
    assert len(studies) > 3
    assert [learning_warnings(study) for study in studies] == [[]] * len(studies)


def test_the_shipped_studies_search_one_depth_and_ask_for_model0s_score():
    for path in (ROOT / "studies").glob("*.toml"):
        study = load_study(path)
        assert len(study.space.depth) == 1
        assert not study.search.references or study.objective.share_of_model0 == 0.95
