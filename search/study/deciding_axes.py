"""Fixed settings that decide whether settings of ``[space.hyper]`` count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spaces.axes import flatten
from spaces.inert import deciding_setting
from trainable.config import ModelConfig


def with_deciding_axes(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A study's values in which such a setting is an axis of its one value.

    So a candidate's key leaves out what changes nothing beside it: with softmax attention, a
    Performer's number of features matters to the candidates with a Performer reservoir alone.
    """
    space = values.get("space")
    if not isinstance(space, Mapping):
        return values
    hyper = flatten(space.get("hyper"))
    if not isinstance(hyper, Mapping):
        return values
    deciding = {deciding_setting(str(name)) for name in hyper}
    missing = sorted(name for name in deciding if name is not None and name not in hyper)
    model = values.get("model")
    given = model if isinstance(model, Mapping) else {}
    axes = {name: _value(name.removeprefix("model."), given) for name in missing}
    return {**values, "space": {**space, "hyper": {**hyper, **axes}}} if axes else values


def _value(field: str, given: Mapping[str, Any]) -> Any:
    return given.get(field, ModelConfig.model_fields[field].default)
