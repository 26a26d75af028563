"""The schema by which editors check and complete study files."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from search.study.agreement import SEARCHED_FIELDS
from search.study.chosen_class import ALGORITHMS, SCHEDULERS
from search.study.config import study_from
from search.study.new_file import study_file_text
from search.study.schema import study_schema
from spaces.errors import UserError
from spaces.interleaving import INTERLEAVINGS
from spaces.kinds import reservoir_letters
from tests.search.study.test_new_file import EVERY_SETTING, uncommented
from trainable.quantities import QUANTITIES

SCHEMA = study_schema()
STUDIES = sorted((Path(__file__).parents[3] / "studies").glob("*.toml"))
SHORT = 'data = "d"\nspace = {}\nbudget = {updates = 400}\n'


def faults(text: str) -> list[str]:
    return [
        error.message for error in Draft202012Validator(SCHEMA).iter_errors(tomllib.loads(text))
    ]


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for table in (schema, *schema["$defs"].values()):
        yield from table.get("properties", {}).items()


def test_the_schema_names_every_setting() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    known = {name for name, _ in properties(SCHEMA)}
    assert {part for name in EVERY_SETTING for part in name.split(".")} <= known
    assert SCHEMA["required"] == ["data", "space", "budget"]
    assert not set(SEARCHED_FIELDS) & set(SCHEMA["$defs"]["ModelConfig"]["properties"])


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_that_is_shipped_fits(path: Path) -> None:
    assert faults(path.read_text()) == []


def test_the_new_file_fits() -> None:
    assert faults(study_file_text()) == []


def test_the_new_file_fits_with_every_setting() -> None:
    assert faults(uncommented(study_file_text())) == []


# Each is right or wrong by the schema as by the validation that a study file goes through.
@pytest.mark.parametrize(
    "line",
    [
        "space.depth = 6",
        "space.depth = [4, 6]",
        "space.depth = [4, 4]",
        "space.depth = []",
        "space.depth = '6'",
        "space.depth = 0",
        "space.interleaving = 'bottom'",
        "space.interleaving = ['bottom', 'bottm']",
        "space.share_learned = ['cycle-rev-2', 'all:attention+r8', 'pairs', 'none']",
        "space.share_learned = 'cycle-1'",
        "space.share_learned = 'none:attention'",
        "space.share_reservoir = 'all+r8'",
        "space.reservoir_kind = ['R', 'G']",
        "space.reservoir_kind = 'L'",
        "space.decoder_reservoir_kind = 'G'",
        "space.reservoir_gain = {low = 0.5, high = 2.0}",
        "space.reservoir_gain = {low = '0.5', high = 2.0}",
        "space.reservoir_gain = 0",
        "space.encoder = ['LLLL', '(RL)*2']",
        "space.encoder = 4",
        "space.where = []",
        "space.where = 'depth > 4'",
        "space.where = 4",
        "space.hyper.model.ffn = [64, 128]",
        "space.hyper.'model.ffn' = 64",
        "space.hyper.train.lr = {low = 1e-3, high = 1e-2, log = true}",
        "space.hyper.train.lr = {low = 1e-3, hihg = 1e-2}",
        "space.hyper.train.clip_norm = [1.0, 'none']",
        "space.hyper.model.norm = 'post-ish'",
        "space.hyper.model.width = 64",
        "space.hyper.model.encoder = 'LLLL'",
        "train.clip_norm = 'none'",
        "train.clip_norm = 'nothing'",
        "train.clip_norm = 0.5",
        "train.lr = '3e-3'",
        "train.learning_rate = 1.0",
        "search.algorithm = 'tpe'",
        "search.algorithm = 'mine.own:Search'",
        "search.algorithm = 'tpee'",
        "search.timeout = '8h'",
        "search.timeout = '8 hours'",
        "search.first = ['LLLLLLLL']",
        "search.first = [{encoder = 'LLLLLLLL', hyper.model.width = 3}]",
        "scheduler.name = 'median'",
        "scheduler.name = 'medain'",
        "objective.name = 'score'",
        "objective.name = 'scoer'",
        "objective.name = 'aucc / mparams_total ** 0.5'",
        "objective.min_score = '95% of model0'",
        "objective.min_score = '95 %'",
        "objective.min_bleu = 20",
        "model.encoder = 'LLLL'",
        "name = 'with space'",
    ],
)
def test_the_schema_agrees_with_the_validation(line: str) -> None:
    text = SHORT.replace("space = {}\n", "") + line if line.startswith("space") else SHORT + line
    try:
        study_from({"name": "a"} | tomllib.loads(text), "a.toml")
    except UserError:
        assert faults(text)
    else:
        assert faults(text) == []


@pytest.mark.parametrize(
    ("table", "name", "values"),
    [
        ("SearchSpace", "interleaving", INTERLEAVINGS),
        ("SearchSpace", "reservoir_kind", reservoir_letters()),
        ("SearchConfig", "algorithm", ALGORITHMS),
        ("SchedulerConfig", "name", SCHEDULERS),
        ("ObjectiveConfig", "name", QUANTITIES),
    ],
)
def test_editors_can_offer_the_values(table: str, name: str, values: tuple[str, ...]) -> None:
    setting = SCHEMA["$defs"][table]["properties"][name]
    offered = next(form["enum"] for form in setting["anyOf"] if "enum" in form)
    assert set(values) <= set(offered)


def test_a_comment_of_two_lines_is_one_description() -> None:
    kind = SCHEMA["$defs"]["SearchSpace"]["properties"]["reservoir_kind"]
    assert kind["description"].endswith("P Performer, F feed-forward, G BiGRU, C convolution")


def test_every_setting_has_a_description() -> None:
    bare = {name for name, setting in properties(SCHEMA) if "description" not in setting}
    # A range and an entry of search.first are no tables of the file, and have no comments.
    inner = {"low", "high", "log", "step", "encoder", "decoder", "reservoir_gain", "hyper"}
    assert bare <= inner | {"split"}  # the split is for the paper's experiment alone
