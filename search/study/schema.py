"""JSON schema of study files (draft 2020-12), derived from the settings themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from search.study.agreement import SEARCHED_FIELDS
from search.study.config import ALGORITHMS, SCHEDULERS, StudyConfig
from search.study.new_file import setting_comments
from spaces.interleaving import INTERLEAVINGS
from spaces.kinds import decoder_letters, reservoir_letters
from trainable.config import NAMED
from trainable.quantities import QUANTITIES

Schema = dict[str, Any]

_SCALAR = {"type": ["number", "string"]}
_SHARING = ["none", "all", "pairs", "sandwich", "groups-2", "sequence-2", "cycle-2", "cycle-rev-2"]


def study_schema() -> Schema:
    """The schema; it has the rules of single settings, not those between settings."""
    schema: Schema = StudyConfig.model_json_schema()
    for part in _parts(schema):
        part.pop("title", None)
        part.pop("description", None)
    schema["required"].remove("name")  # the file's name if absent
    tables = schema["$defs"]
    for name in SEARCHED_FIELDS:
        del tables["ModelConfig"]["properties"][name]
    for end in ("low", "high"):
        tables["Range"]["properties"][end] = {"type": "number"}
    tables["Range"]["properties"]["step"] = {"type": "number"}
    _name_values(tables)
    _describe(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Study", **schema}


def _name_values(tables: dict[str, Schema]) -> None:
    """Name the values that editors can complete, and let one value stand for a list of one."""
    search, scheduler = (tables[name]["properties"] for name in ("SearchConfig", "SchedulerConfig"))
    search["algorithm"] |= _or_other(ALGORITHMS)  # or an import path
    scheduler["name"] |= _or_other(SCHEDULERS)
    objective = tables["ObjectiveConfig"]["properties"]
    objective["name"] |= _or_other((*NAMED, *QUANTITIES))  # or an expression
    space = tables["SearchSpace"]["properties"]
    able = [letter for letter in reservoir_letters() if letter in decoder_letters()]
    for prefix, letters in (("", list(reservoir_letters())), ("decoder_", able)):
        space[f"{prefix}interleaving"]["items"] = {"enum": list(INTERLEAVINGS)}
        space[f"{prefix}reservoir_kind"]["items"] = {"enum": letters}
        for whose in ("learned", "reservoir"):
            space[f"{prefix}share_{whose}"]["items"] = _or_other(_SHARING)
    for name in set(space) - {"hyper", "where"}:
        space[name] = _one_or_more(space[name])
    axis = _one_or_more(space["hyper"]["additionalProperties"])
    table = {"type": "object", "additionalProperties": axis}  # train = {lr = …}, as "train.lr"
    space["hyper"]["additionalProperties"] = {"anyOf": [axis, table]}


def _or_other(names: Any) -> Schema:
    """A text, of which editors complete ``names``."""
    return {"anyOf": [{"enum": list(names)}, {"type": "string"}]}


def _one_or_more(setting: Schema) -> Schema:
    """A setting whose lists can also be single values; those of unknown type are scalars."""
    alternatives = setting.get("anyOf") or setting.get("oneOf") or [setting]
    found: list[Schema] = []
    for each in alternatives:
        if each.get("type") == "array":
            item = each["items"] or _SCALAR
            found += [item, {"type": "array", "items": item}]
        else:
            found.append(each)
    default = {"default": setting["default"]} if "default" in setting else {}
    return {"anyOf": found, **default}


def _describe(schema: Schema) -> None:
    """Put the comments of the file that ``init`` writes beside their settings."""
    tables = schema["$defs"]
    for place, comment in setting_comments().items():
        *above, name = place.split(".")
        settings = schema["properties"]
        for table in above:
            found = settings[table]
            reference = found.get("$ref") or next(
                each["$ref"] for each in found["anyOf"] if "$ref" in each
            )
            settings = tables[reference.rpartition("/")[2]]["properties"]
        settings[name]["description"] = comment


def _parts(schema: Schema) -> Iterator[Schema]:
    """The schema itself, and those of all settings within it."""
    yield schema
    for value in (*schema.get("$defs", {}).values(), *schema.get("properties", {}).values()):
        yield from _parts(value)
