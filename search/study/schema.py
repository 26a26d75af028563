"""JSON schema of study files (draft 2020-12), derived from the settings themselves.

Its descriptions are the comments of the file that ``init`` writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from search.study.agreement import SEARCHABLE, SEARCHED_FIELDS
from search.study.config import StudyConfig
from search.study.new_file import study_file_text

_TABLE = re.compile(r"(?:# )?\[([\w.]+)\](?: +# (.*))?")
_SETTING = re.compile(r"(?:# )?(\w+) = .*?(?: # (.*))?")
_CONTINUED = re.compile(r" {8,}# (.*)")  # the comment of the line before goes on
_NULL = {"type": "null"}

Schema = dict[str, Any]


def study_schema() -> Schema:
    """The schema; it has the rules of single settings, not those between settings."""
    schema: Schema = StudyConfig.model_json_schema()
    for part in _parts(schema):
        part.pop("title", None)
        _without_null(part)
    schema["required"].remove("name")  # the file's name if absent
    _describe(schema)
    tables = schema["$defs"]
    tables["ObjectiveConfig"]["properties"]["min_bleu"] = {
        **tables["ObjectiveConfig"]["properties"]["min_score"],
        "deprecated": True,  # the name in files of earlier versions
    }
    model = tables["ModelConfig"]["properties"]
    gain = {name: model.pop(name) for name in SEARCHED_FIELDS}["reservoir_gain"]
    settings = {name: tables[kind.__name__]["properties"] for name, kind in SEARCHABLE.items()}
    space = tables["SearchSpace"]["properties"]
    space["reservoir_gain"] |= {"oneOf": _axis(gain)["oneOf"]}
    space["hyper"] |= _hyper(settings, _axis)
    tables["FirstCandidate"]["properties"]["hyper"] |= _hyper(settings, dict)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Study", **schema}


def _parts(schema: Schema) -> Iterator[Schema]:
    """The schema itself, and those of all settings within it."""
    yield schema
    for value in (*schema.get("$defs", {}).values(), *schema.get("properties", {}).values()):
        yield from _parts(value)


def _without_null(part: Schema) -> None:
    """Leave out that a setting may be null: TOML has no null, and an absent key stands for it."""
    if part.get("default") is None or isinstance(part["default"], dict):  # a table has its own
        part.pop("default", None)
    if _NULL in part.get("anyOf", ()):
        forms = [form for form in part.pop("anyOf") if form != _NULL]
        part |= forms[0] if len(forms) == 1 else {"anyOf": forms}


def _describe(schema: Schema) -> None:
    """Give each table and setting its comment in the file that ``init`` writes."""
    tables = schema["$defs"]
    for table in tables.values():  # the classes' docstrings are for readers of the code
        table.pop("description", None)
    for (place, name), comment in _comments().items():
        properties = schema["properties"]
        for step in place:
            kind = properties[step].get("$ref", "").rpartition("/")[2]
            properties = tables[kind]["properties"] if kind else {}
        if name in properties:  # but for examples of [space.hyper]
            properties[name]["description"] = comment


def _comments() -> Mapping[tuple[tuple[str, ...], str], str]:
    """Comments by the path of a table, and the name of the table or setting in it."""
    comments: dict[tuple[tuple[str, ...], str], str] = {}
    place: tuple[str, ...] = ()
    last = (place, "")
    for line in study_file_text().split("\n"):
        if found := _TABLE.fullmatch(line):
            place = tuple(found[1].split("."))
            last = (place[:-1], place[-1])
        elif found := _SETTING.fullmatch(line):
            last = (place, found[1])
        elif last in comments and (found := _CONTINUED.fullmatch(line)):
            comments[last] += f" {found[1]}"
            continue
        else:
            continue
        if found[2]:
            comments[last] = found[2].strip()
    return comments


def _axis(setting: Schema) -> Schema:
    """Schema of a setting that is searched: a value, a list of distinct values, or a range."""
    value = {key: rule for key, rule in setting.items() if key not in ("default", "description")}
    values = {"type": "array", "items": value, "minItems": 1, "uniqueItems": True}
    forms = {"oneOf": [{"$ref": "#/$defs/Range"}, {"anyOf": [value, values]}]}
    return forms | {key: setting[key] for key in ("description",) if key in setting}


def _hyper(settings: Mapping[str, Mapping[str, Schema]], form: Any) -> Schema:
    """Schema of a table of settings of trials, with dotted names or as tables in it."""
    tables = {
        table: {name: form(setting) for name, setting in fields.items()}
        for table, fields in settings.items()
    }
    dotted = {f"{table}.{name}": one for table, of in tables.items() for name, one in of.items()}
    nested = {
        table: {"type": "object", "properties": of, "additionalProperties": False}
        for table, of in tables.items()
    }
    return {"properties": dotted | nested, "additionalProperties": False}
