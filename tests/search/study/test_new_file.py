"""The file that ``init`` writes, and the schema by which editors check it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from search.study.agreement import SEARCHED_FIELDS
from search.study.chosen_class import ALGORITHMS
from search.study.config import StudyConfig, load_study
from search.study.new_file import study_file_text, write_study_file
from search.study.schema import study_schema
from spaces.errors import UserError


def uncommented(text: str) -> str:
    """The file with every setting given."""
    lines = []
    for line in text.split("\n"):
        bare = line.removeprefix("# ")
        is_setting = "=" in bare.split("#")[0] or bare.startswith("[")
        lines.append(bare if is_setting else line)
    return "\n".join(lines)


def leaves(values: Mapping[str, Any], table: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and name != "hyper":
            yield from leaves(value, f"{table}{name}.")
        else:
            yield f"{table}{name}", value


EVERY_SETTING = dict(leaves(tomllib.loads(uncommented(study_file_text()))))
# Of the same keys as another table, or given with an example in the place of a default.
SHORTENED = ("full_budget.", "space.hyper")


def test_the_new_file_is_a_study(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    write_study_file(path)
    assert load_study(path).name == "mine"


def test_the_new_file_has_every_setting() -> None:
    empty = StudyConfig.model_validate_json(
        json.dumps(
            {
                "name": "a",
                "data": "d",
                "space": {},
                "budget": {"updates": 1000},
                "search": {"proxy": {"measure": "lyapunov", "prefer": "low"}},
            }
        )
    )
    known = {
        name
        for name, _ in leaves(empty.model_dump(mode="json"))
        if name.removeprefix("model.") not in SEARCHED_FIELDS
    }
    given = {name for name in EVERY_SETTING if not name.startswith("full_budget")}
    # The split is for the paper's experiment, which validates on the test set.
    assert given == known - {"full_budget", "validation.split"}


def test_settings_that_are_commented_out_have_their_defaults(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    write_study_file(path)
    defaults = dict(leaves(load_study(path).model_dump(mode="json")))
    for name, value in EVERY_SETTING.items():
        default = defaults.get(name)
        if default is None or name.startswith(SHORTENED) or name == "name":
            continue  # absent by default: the file has an example
        as_list = (
            default if isinstance(value, list) or not isinstance(default, list) else default[0]
        )
        assert as_list == value, name


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    with pytest.raises(UserError, match="exists; give a new name"):
        write_study_file(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["größe test.toml", "a.txt", "mine", ".toml", ""])
def test_a_name_that_no_study_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"of ASCII letters, digits|ends in \.toml"):
        write_study_file(tmp_path / name if name else Path())
    assert list(tmp_path.iterdir()) == []


def faults(study: object) -> list[str]:
    """Places of what the schema refuses in a study file."""
    found = Draft202012Validator(study_schema()).iter_errors(study)
    return [".".join(map(str, each.path)) for each in found]


def test_the_schema_accepts_the_shipped_studies_and_the_new_file() -> None:
    Draft202012Validator.check_schema(study_schema())
    shipped = sorted((Path(__file__).parents[3] / "studies").glob("*.toml"))
    assert len(shipped) > 5
    texts = [path.read_text() for path in shipped] + [study_file_text()]
    for text in texts + [uncommented(text) for text in texts[-1:]]:
        assert faults(tomllib.loads(text)) == []


@pytest.mark.parametrize(
    ("table", "value"),
    [
        ("space", {"depth": [0]}),
        ("space", {"interleaving": "bottm"}),
        ("space", {"reservoir_kind": ["R", "X"]}),
        ("space", {"hyper": {"train": {"lr": {"low": 1}}}}),
        ("train", {"lrr": 1}),
        ("train", {"lr": "fast"}),
        ("budget", {"updates": 0}),
        ("objective", {"clock": "hours"}),
    ],
)
def test_the_schema_refuses_what_validate_does(table: str, value: object) -> None:
    study = {"data": "d", "space": {}, "budget": {"updates": 100}, table: value}
    assert [place.partition(".")[0] for place in faults(study)] == [table]


def test_the_schema_completes_names_and_says_what_settings_mean() -> None:
    tables = study_schema()["$defs"]
    space, search = tables["SearchSpace"]["properties"], tables["SearchConfig"]["properties"]
    assert {"enum": list(ALGORITHMS)} in search["algorithm"]["anyOf"]
    assert space["depth"]["description"] == "encoder layers"


def test_the_schema_names_every_setting() -> None:
    schema = study_schema()
    tables = schema["$defs"]
    known: set[str] = set(schema["properties"])
    for table in tables.values():
        known |= set(table.get("properties", {}))
    assert {part for name in EVERY_SETTING for part in name.split(".")} <= known
    assert schema["required"] == ["data", "space", "budget"]
    assert not set(SEARCHED_FIELDS) & set(tables["ModelConfig"]["properties"])
