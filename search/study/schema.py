"""JSON schema of study files (draft 2020-12), derived from the settings themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from search.study.agreement import SEARCHED_FIELDS
from search.study.config import StudyConfig


def study_schema() -> dict[str, Any]:
    """The schema; it has the rules of single settings, not those between settings."""
    schema: dict[str, Any] = StudyConfig.model_json_schema()
    for part in _parts(schema):
        part.pop("title", None)
    schema["required"].remove("name")  # the file's name if absent
    model = schema["$defs"]["ModelConfig"]["properties"]
    for name in SEARCHED_FIELDS:
        del model[name]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Study", **schema}


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema itself, and those of all settings within it."""
    yield schema
    for value in (*schema.get("$defs", {}).values(), *schema.get("properties", {}).values()):
        yield from _parts(value)
