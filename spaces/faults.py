"""Messages for the faults of a user's file, one line per fault.

pydantic finds the faults; its wording is for programmers, so each of its error types has a
sentence here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

# Parts of pydantic's locations that no file has: tags of a value's form, the mark of a key.
_NOT_WRITTEN = frozenset({"range", "values", "written", "whole", "[key]"})
_SECRET_TABLES = ("tracking", "storage")
_MAX_SHOWN = 60  # characters of a value
MAX_FAULTS = 1000  # that are told of one file

_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "int_type": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "int_parsing": lambda _: "must be a whole number",
    "int_parsing_size": lambda _: "must be a whole number of fewer digits",
    "float_type": lambda _: "must be a number",
    "float_parsing": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "bool_type": lambda _: "must be true or false",
    "string_type": lambda _: "must be a text in quotes",
    "string_unicode": lambda _: "must be a text in UTF-8",
    "string_too_short": lambda _: "must not be empty",
    "string_too_long": lambda ctx: f"must have at most {ctx['max_length']} characters",
    "string_pattern_mismatch": lambda ctx: f"must be written as {ctx['pattern']}",
    "greater_than": lambda ctx: f"must be a number above {ctx['gt']:.20g}",
    "greater_than_equal": lambda ctx: f"must be a number of at least {ctx['ge']:.20g}",
    "less_than": lambda ctx: f"must be a number below {ctx['lt']:.20g}",
    "less_than_equal": lambda ctx: f"must be a number of at most {ctx['le']:.20g}",
    "tuple_type": lambda _: "must be a list [...]",
    "list_type": lambda _: "must be a list [...]",
    "dict_type": lambda _: "must be a table of settings",
    "mapping_type": lambda _: "must be a table of settings",
    "model_type": lambda _: "must be a table of settings",
    "model_attributes_type": lambda _: "must be a table of settings",
    "dataclass_type": lambda _: "must be a table of settings",
    "json_invalid": lambda ctx: f"is not JSON: {ctx['error']}",
}
# Error types handled in ``rules_of``: their sentences need the value or the other settings.
_NAMED_BY_FIELDS = frozenset({"missing", "extra_forbidden", "literal_error", "value_error"})
KNOWN_TYPES = _NAMED_BY_FIELDS | _SENTENCES.keys()


class Faults(ValueError):
    """Several faults found by one validator, one line each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def refuse(lines: Sequence[str]) -> None:
    """Raise ``Faults`` unless ``lines`` is empty."""
    if lines:
        raise Faults(lines)


def faults_of(error: ValidationError, place: str, model: type) -> str:
    """One line for each fault: place, key, value, rule and remedy.

    Args:
        error: pydantic's error.
        place: file name, or another name by which the user knows the values.
        model: the pydantic model or dataclass that was read.
    """
    return "\n".join(f"{place}: {line}" for line in fault_lines(error, model))


def fault_lines(error: ValidationError, model: type) -> list[str]:
    """Lines of ``faults_of`` without the place; a fault found twice is one line."""
    if error.error_count() > MAX_FAULTS:  # their list alone would take a gigabyte a million
        return [f"has {error.error_count():,} faults, so it is a file of another kind"]
    lines = [line for fault in error.errors() for line in _lines(fault, model)]
    return list(dict.fromkeys(map(one_line, lines)))


def rules_of(fault: ErrorDetails, model: type) -> list[str]:
    """Rules that a value breaks, each with its remedy; more than one only for a whole table."""
    kind, context, value = fault["type"], fault.get("ctx", {}), fault["input"]
    field = _field_at(model, fault["loc"])
    match kind:
        case "missing":
            return [f"is missing; give {_wanted(field, fault['loc'])}"]
        case "extra_forbidden":
            return [_unknown_key(model, fault["loc"])]
        case "value_error":
            reason = context["error"]
            return list(reason.lines) if isinstance(reason, Faults) else [str(reason)]
        case "literal_error":
            return [_not_among(value, _options(context["expected"]))]
    if field is not None and field.description and kind != "string_too_long":
        return [f"must be {field.description}"]
    sentence = _SENTENCES.get(kind)
    rule = sentence(context) if sentence else "is not allowed here"
    return [rule + _default(field)]


def did_you_mean(
    word: str, known: Iterable[str], names: Mapping[str, str] = MappingProxyType({})
) -> str:
    """``; did you mean 'lr'?``, or an empty text if no known word is close to ``word``.

    ``names``: full forms of known words, where they differ.
    """
    full_names = {name.lower(): names.get(name, name) for name in known}
    found = get_close_matches(word.lower(), full_names, n=1)
    return f"; did you mean '{full_names[found[0]]}'?" if found else ""


def one_line(text: str) -> str:
    """``text`` with line breaks and other control characters written as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def _lines(fault: ErrorDetails, model: type) -> list[str]:
    key, value = _key_and_value(fault)
    named = f"{key}{value}: " if key else ""
    return [named + rule for rule in rules_of(fault, model)]


def _key_and_value(fault: ErrorDetails) -> tuple[str, str]:
    """Key as written in the file, and the value if it is short and not secret."""
    parts = [part for part in fault["loc"] if part not in _NOT_WRITTEN]
    while parts and isinstance(parts[-1], int):  # an item of a list is named by its value
        parts.pop()
    key = ".".join(map(str, parts))
    value = fault["input"]
    if fault["type"] == "missing" or not _may_be_shown(key, value):
        return key, ""
    return key, f" {str(value).lower() if isinstance(value, bool) else repr(value)}"


def _may_be_shown(key: str, value: object) -> bool:
    """True for short values that cannot be a password or an address with one."""
    if key.startswith(_SECRET_TABLES) or (isinstance(value, str) and "://" in value):
        return False
    is_short = isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 10**60)
    return is_short and len(repr(value)) <= _MAX_SHOWN


def _options(expected: str) -> list[str]:
    """Values of a Literal from pydantic's text ``'a', 'b' or 'c'``; ``True`` as TOML's ``true``."""
    return re.findall(r"'([^']*)'", expected) or [expected.lower()]


def _not_among(value: object, options: Sequence[str]) -> str:
    hint = did_you_mean(value, options) if isinstance(value, str) else ""
    if len(options) == 1:
        return f"must be {options[0]}"
    return f"must be one of {', '.join(options)}{hint}"


def _unknown_key(model: type, loc: Sequence[int | str]) -> str:
    *parents, key = loc
    word, known = str(key), _fields(_annotation_at(model, parents))
    tables = dict(_tables(model))
    homes = [table for table, names in tables.items() if word in names]
    if homes:
        places = (f"in [{table}]" if table else "above all tables" for table in homes)
        return f"there is no such setting here; it belongs {' or '.join(places)}"
    dotted = {name: f"{table}.{name}" for table in tables for name in tables[table] if table}
    hint = did_you_mean(word, known) or did_you_mean(word, dotted, dotted)
    return "there is no such setting" + (hint or f"; there are {', '.join(known)}")


def _wanted(field: FieldInfo | None, loc: Sequence[int | str]) -> str:
    """Description of the values that a required setting takes."""
    annotation = None if field is None else field.annotation
    if _table_in(annotation) is not None:
        return f"the table [{'.'.join(map(str, loc))}]"
    if get_origin(annotation) is Literal:
        return f"one of {', '.join(map(str, get_args(annotation)))}"
    words: dict[Any, str] = {
        str: "a text in quotes",
        int: "a whole number",
        float: "a number",
        int | float: "a number",
    }
    return words.get(annotation, "it")


def _default(field: FieldInfo | None) -> str:
    """``; the default is 24`` if the default is a single plain value, else an empty text."""
    value = PydanticUndefined if field is None else field.default
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str | int | float):
        return ""
    return f"; the default is {json.dumps(value)}"


def _field_at(model: Any, loc: Sequence[int | str]) -> FieldInfo | None:
    """Field at the location ``loc``: the last part of it that names a field."""
    found, current = None, model
    for part in loc:
        if part in _fields(current):
            table = _table_in(current)
            assert table is not None
            found = table.model_fields[str(part)]
            current = found.annotation
    return found


def _annotation_at(model: Any, loc: Sequence[int | str]) -> Any:
    field = _field_at(model, loc)
    return model if field is None else field.annotation


def _fields(annotation: Any) -> list[str]:
    """Names of a table's settings; empty if the annotation is no table."""
    table = _table_in(annotation)
    return [] if table is None else list(table.model_fields)


def _table_in(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation, as ``Budget`` in ``Budget | None``; None if there is none."""
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    inner = (_table_in(part) for part in get_args(annotation))
    return next((table for table in inner if table is not None), None)


def _tables(model: Any, name: str = "") -> Iterator[tuple[str, list[str]]]:
    """All tables of a file: dotted name ('' for the top level) and names of the settings."""
    yield name, _fields(model)
    table = _table_in(model)
    for field, info in table.model_fields.items() if table else ():
        inner = info.annotation
        is_plain = get_origin(inner) in (None, Union, UnionType)  # not one of many, as in a dict
        if is_plain and _table_in(inner) is not None:
            yield from _tables(inner, f"{name}.{field}" if name else field)
