"""The file that ``init`` writes, and the schema by which editors check it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from search.study.agreement import SEARCHED_FIELDS
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


def test_the_schema_names_every_setting() -> None:
    schema = study_schema()
    tables = schema["$defs"]
    known: set[str] = set(schema["properties"])
    for table in tables.values():
        known |= set(table.get("properties", {}))
    assert {part for name in EVERY_SETTING for part in name.split(".")} <= known
    assert schema["required"] == ["data", "space", "budget"]
    assert not set(SEARCHED_FIELDS) & set(tables["ModelConfig"]["properties"])
