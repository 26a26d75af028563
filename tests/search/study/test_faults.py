"""Faults of a study file: one line each, with place, key and rule, in plain words."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from search.cli import exit_code
from search.study.config import StudyConfig, load_study, study_from
from spaces.errors import UserError
from spaces.faults import KNOWN_TYPES

PLACE = "mine.toml"
RIGHT: dict[str, Any] = {"name": "mine", "data": "d", "space": {}, "budget": {"updates": 10}}
PHRASES = [
    *(
        "Input should be",
        "Value error",
        "Extra inputs",
        "Field required",
        "a valid",
        "validation error",
    ),
    *("tuple", "dictionary", "instance", "pydantic", "For further", "_type", "[key]", "range.low"),
    *("finite_number", "literal", "to parse", "None", "Unable", "String should", ".values"),
]
# Values of every type that TOML has, most of them out of range.
WRONG: list[Any] = ["wr0ng thing", "", True, 2.5, -1, 10**30, 10**400, [], {}, {"x": 1}, [{}]]
WRONG += [[[]], float("inf"), float("nan"), [-1], ["a", "a"], {"low": 1}, {"low": "a", "high": 2}]


def settings_of(model: type[BaseModel], table: str = "") -> Iterator[tuple[str, str]]:
    """Every setting of a study file as (table, name)."""
    inner = {
        "proxy": StudyConfig.model_fields["search"].annotation.model_fields["proxy"],  # type: ignore[union-attr]
    }
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *getattr(inner.get(name, field).annotation, "__args__", ())]
        found = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        yield table, name
        if found:
            yield from settings_of(found[0], f"{table}.{name}".lstrip("."))


SETTINGS = list(settings_of(StudyConfig))


def dotted(table: str, name: str) -> str:
    return f"{table}.{name}".lstrip(".")


def changed(values: dict[str, Any], table: str, name: str, value: Any) -> dict[str, Any]:
    """``values`` with one more setting, in a valid table."""
    result = copy.deepcopy(values)
    target = result
    for part in filter(None, table.split(".")):
        target = target.setdefault(part, {})
    needed = {
        "search.proxy": {"measure": "lyapunov", "prefer": "low"},
        "full_budget": {"updates": 10},
    }
    for other, fitting in needed.get(table, {}).items():
        target.setdefault(other, fitting)
    target[name] = value
    return result


def faults_in(values: dict[str, Any]) -> list[str]:
    try:
        study_from(values, PLACE)
    except UserError as error:
        return str(error).split("\n")
    return []


def types_in(values: dict[str, Any]) -> set[str]:
    try:
        StudyConfig.model_validate(values)
    except ValidationError as error:
        return {fault["type"] for fault in error.errors()}
    return set()


def assert_plain(line: str) -> None:
    assert line.startswith(f"{PLACE}: ")
    assert line.isprintable()
    assert not [phrase for phrase in PHRASES if phrase in line], line


def test_the_settings_are_those_of_all_tables():
    assert {("", "name"), ("train", "lr"), ("search.proxy", "keep"), ("budget", "updates")} < set(
        SETTINGS
    )
    assert len(SETTINGS) > 70


@pytest.mark.parametrize(("table", "name"), SETTINGS)
def test_a_wrong_value_of_any_setting_is_told_in_plain_words(table: str, name: str):
    key, n_refused = dotted(table, name), 0
    for value in WRONG:
        found = faults_in(changed(RIGHT, table, name, value))
        n_refused += bool(found)
        for line in found:
            assert_plain(line)
            assert name in line or key in line, line
    assert n_refused > 0


@pytest.mark.parametrize(("table", "name"), SETTINGS)
def test_every_type_of_error_that_a_study_file_can_raise_has_a_sentence(table: str, name: str):
    for value in WRONG:
        assert types_in(changed(RIGHT, table, name, value)) <= KNOWN_TYPES


def test_as_many_faults_as_there_are_make_as_many_lines():
    values = copy.deepcopy(RIGHT)
    tables = {table for table, _ in SETTINGS} - {""}
    wrong = [
        (table, name)
        for table, name in SETTINGS
        if dotted(table, name) not in tables and name not in ("hyper", "reservoir_gain")
    ]
    for table, name in wrong:
        values = changed(values, table, name, {"x": 1})
    for table in sorted(tables):
        values = changed(values, table, "nonsense", 1)
    found = faults_in(values)
    for line in found:
        assert_plain(line)
    keys = [line.split(" ")[1].rstrip(":") for line in found]
    assert sorted(keys) == sorted(
        {dotted(*one) for one in wrong} | {f"{table}.nonsense" for table in tables}
    )


def test_faults_between_tables_are_told_beside_those_of_other_tables():
    values = {
        **RIGHT,
        "train": {"lr": "fast"},
        "scheduler": {"grace": 10},
        "search": {"algorithm": "cmaes", "first": ["LLX"]},
        "full_budget": {"seconds": 3.0},
        "storage": {"uri": "here"},
        "model": {"encoder": "L"},
        "space": {"hyper": {"train.lrr": [1], "model.dropout": [2]}},
    }
    found = faults_in(values)
    assert [line.removeprefix(f"{PLACE}: ").split(" ")[0] for line in found] == [
        "train.lr",
        "model.encoder",
        "scheduler.grace",
        "search.algorithm",
        "search.first:",
        "storage.uri",
        "objective.clock",
    ]
    # A rule about two tables waits until both are right by themselves.
    del values["train"]
    assert (
        f"{PLACE}: space.hyper: 'train.lrr' is no setting of a trial; did you mean 'train.lr'?"
        in (faults_in(values))
    )


def test_two_rules_over_one_table_make_two_lines():
    found = faults_in({**RIGHT, "model": {"d_model": 30, "embedding_dim": 60}})
    assert found == [
        f"{PLACE}: model: embedding_dim 60 must be at most d_model 30",
        f"{PLACE}: model: d_model 30 must be a multiple of 2 x heads = 8",
    ]


@pytest.mark.parametrize(
    ("table", "name", "value", "line"),
    [
        ("search", "n_trial", 3, "there is no such setting; did you mean 'n_trials'?"),
        ("", "serach", 3, "there is no such setting; did you mean 'search'?"),
        ("", "n_trial", 3, "there is no such setting; did you mean 'search.n_trials'?"),
        ("train", "n_trials", 3, "there is no such setting here; it belongs in [search]"),
        ("train", "seed", 3, "there is no such setting here; it belongs above all tables"),
        ("ranks", "xyzzy", 3, "there is no such setting; there are n_ranks, cpus_per_rank, gpus_"),
        (
            "scheduler",
            "name",
            "ahsa",
            "must be one of asha, median, extrapolation, none, or module:Class; did you",
        ),
        ("space", "interleaving", "botom", "did you mean 'bottom'?"),
        ("search", "n_trials", "many", "must be a whole number; the default is 24"),
        ("train", "lr", 0.0, "must be a number above 0; the default is 0.003"),
        ("train", "clip_norm", "off", 'must be a number above 0, or "none"'),
        ("search", "first", "LL", "must be a list [...]"),
        (
            "",
            "name",
            "a b",
            "must be of ASCII letters, digits, '.', '_' and '-', the first a letter",
        ),
        ("", "space", {"reservoir_gain": {"low": 1}}, "is missing; give a number"),
        ("", "model", 3, "must be a table of settings"),
    ],
)
def test_a_fault_names_the_rule_and_the_remedy(table: str, name: str, value: Any, line: str):
    (found,) = faults_in(changed(RIGHT, table, name, value))
    assert line in found
    assert found.startswith(f"{PLACE}: {dotted(table, name)}")


def test_what_is_missing_is_told_with_what_to_give():
    found = faults_in({"name": "mine"})
    assert found == [
        f"{PLACE}: data: is missing; give a text in quotes",
        f"{PLACE}: space: is missing; give the table [space]",
        f"{PLACE}: budget: is missing; give the table [budget]",
    ]


def test_a_strange_key_makes_one_line_and_an_address_is_not_repeated():
    found = faults_in({**RIGHT, "a\nb\u2028c": 3, "uri": "http://me:hunter2@server"})
    assert len(found) == 2
    assert found[0].startswith(f"{PLACE}: a\\nb\\u2028c 3: ")
    assert not any("hunter2" in line for line in found)


def test_a_wrong_setting_of_the_command_line_is_told_as_one_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "mine.toml"
    path.write_text('data = "d"\n[space]\n[budget]\nupdates = 10\n')
    overrides = ["search.n_trial=3", "train.lr=-1.0", "scheduler.name=asah"]
    assert exit_code(lambda: load_study(path, overrides)) == 2
    lines = capsys.readouterr().err.splitlines()
    one_of = "one of asha, median, extrapolation, none, or module:Class"
    assert lines == [
        f"error: {path}: train.lr -1.0: must be a number above 0; the default is 0.003",
        f"error: {path}: search.n_trial 3: there is no such setting; did you mean 'n_trials'?",
        f"error: {path}: scheduler.name 'asah': must be {one_of}; did you mean 'asha'?",
    ]
