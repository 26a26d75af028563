"""The axes of a space as a study file writes them: a value, a list of values, or a range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeGuard, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    PlainValidator,
    Tag,
    model_validator,
)

from spaces.chooser import Chooser, Scalar, ask
from spaces.faults import refuse

T = TypeVar("T")

MAX_NUMBER = 1e300


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    if not values:
        raise ValueError("there is no value; give one or more")
    if len(set(values)) < len(values):
        raise ValueError("a value is listed twice; list each value once")
    return values


def _is_number(value: object) -> TypeGuard[int | float]:
    # The bound keeps an integer of 400 digits from overflowing a float; NaN fails it too.
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER
    )


def _number(value: object) -> int | float:
    if not _is_number(value):
        raise ValueError("must be a finite number")
    return value


def _scalar(value: object) -> Scalar:
    if not isinstance(value, str) and not _is_number(value):
        raise ValueError("must be a finite number or a string")
    return value


# One value stands for a list of one.
OneOrMore = Annotated[tuple[T, ...], BeforeValidator(_as_tuple), AfterValidator(_distinct)]
ScalarValue = Annotated[Scalar, PlainValidator(_scalar)]
Number = Annotated[int | float, PlainValidator(_number)]


class Range(BaseModel):
    """All numbers from ``low`` to ``high``, both included; integers only if both are integers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    low: Number
    high: Number
    log: bool = False  # sampled uniformly in the logarithm

    @model_validator(mode="after")
    def _rises(self) -> Self:
        faults = []
        if self.low >= self.high:
            faults.append(f"low {self.low} must be below high {self.high}")
        if self.log and self.low <= 0:
            faults.append(f"low {self.low} must be positive where log = true")
        refuse(faults)
        return self

    @property
    def is_whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def pick(self, chooser: Chooser, name: str) -> int | float:
        value = chooser.real(name, float(self.low), float(self.high), log=self.log)
        return round(value) if self.is_whole else value

    def __contains__(self, value: Scalar) -> bool:
        if isinstance(value, str) or not self.low <= value <= self.high:
            return False
        return not self.is_whole or value == round(value)

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


def _axis_form(value: object) -> str:
    return "range" if isinstance(value, Mapping | Range) else "values"


Axis = Annotated[
    Annotated[Range, Tag("range")] | Annotated[OneOrMore[ScalarValue], Tag("values")],
    Discriminator(_axis_form),
]


def pick(chooser: Chooser, name: str, axis: Range | tuple[Scalar, ...]) -> Scalar:
    """Value of ``axis`` that ``chooser`` picks; ``name`` identifies the question."""
    return axis.pick(chooser, name) if isinstance(axis, Range) else ask(chooser, name, axis)


def describe(axis: Range | tuple[Scalar, ...]) -> str:
    """Values of ``axis`` as text for a message."""
    return str(axis) if isinstance(axis, Range) else ", ".join(map(str, axis))


def flatten(table: Any) -> Any:
    """Nested tables as one table with dotted names; any other value unchanged.

    TOML reads a bare ``train.lr = …`` as one table inside another. A table with ``low`` or
    ``high`` is a range, not a level.
    """
    if not isinstance(table, Mapping):
        return table
    flat: dict[Any, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping) and value and not {"low", "high"} & value.keys():
            flat |= {f"{name}.{rest}": inner for rest, inner in flatten(value).items()}
        else:
            flat[name] = value
    return flat
