"""The axes of a space as a study file writes them: a value, a list of values, or a range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeGuard, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    GetJsonSchemaHandler,
    PlainValidator,
    Tag,
    model_validator,
)
from pydantic_core import CoreSchema

from spaces.chooser import Chooser, Scalar, SpaceError, ask, n_steps, nth_step
from spaces.faults import refuse

T = TypeVar("T")

MAX_NUMBER = 1e300
MAX_WHOLE = 2**53  # a float holds every whole number up to here


def as_tuple(value: object) -> object:
    """A list as a tuple, and a single value as a tuple of one."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueOrList:
    """JSON schema of a list that ``as_tuple`` reads: one value stands for a list of one."""

    distinct: bool  # at least one value, and none twice

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        listed = handler(schema)
        rules = {"minItems": 1, "uniqueItems": True} if self.distinct else {}
        return {"anyOf": [listed["items"], listed | rules]}


OneOrMore = Annotated[
    tuple[T, ...],
    BeforeValidator(as_tuple),
    AfterValidator(_distinct),
    ValueOrList(distinct=True),
]
ScalarValue = Annotated[Scalar, PlainValidator(_scalar, json_schema_input_type=float | str)]
Number = Annotated[int | float, PlainValidator(_number, json_schema_input_type=float)]


class Range(BaseModel):
    """All numbers from ``low`` to ``high``, both included, or those at whole steps from ``low``.

    Whole numbers only if all that is given is whole.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    low: Number
    high: Number
    log: bool = False  # sampled uniformly in the logarithm
    step: Number | None = None  # from each value to the next

    @model_validator(mode="after")
    def _rises(self) -> Self:
        faults = []
        if self.low >= self.high:
            faults.append(f"low {self.low} must be below high {self.high}")
        if self.log and self.low <= 0:
            faults.append(f"low {self.low} must be positive where log = true")
        if self.is_whole and max(abs(self.low), abs(self.high)) > MAX_WHOLE:
            faults.append(f"a range of whole numbers must end by {MAX_WHOLE}")
        refuse(faults or self._step_faults())
        return self

    def _step_faults(self) -> list[str]:
        if self.step is None:
            return []
        if self.log:
            return [f"step {self.step} and log = true exclude each other; list the values"]
        if self.step <= 0:
            return [f"step {self.step} must be positive"]
        last = self._nth(n_steps(self.low, self.high, self.step) - 1)
        if last != self.high:
            steps = f"whole number of steps of {self.step} above low {self.low}"
            return [f"high {self.high} is no {steps}; give {last}"]
        return []

    @property
    def is_whole(self) -> bool:
        ends = (self.low, self.high, 1 if self.step is None else self.step)
        return all(isinstance(end, int) for end in ends)

    @property
    def n_values(self) -> int | None:
        """Number of values where a step makes them few; None without one."""
        return None if self.step is None else n_steps(self.low, self.high, self.step)

    def nearest(self, value: float) -> int | float:
        """The value of the range that is nearest to ``value``, which is within its ends."""
        if self.step is not None:
            return self._nth(round((value - self.low) / self.step))
        return round(value) if self.is_whole else value

    def pick(self, chooser: Chooser, name: str) -> int | float:
        value: int | float
        if self.is_whole:
            low, high = int(self.low), int(self.high)
            step = None if self.step is None else int(self.step)
            value = chooser.whole(name, low, high, log=self.log, step=step)
        else:
            value = chooser.real(
                name, float(self.low), float(self.high), log=self.log, step=self.step
            )
        if value not in self:
            raise SpaceError(f"{name} {value!r} is not in the space; it has {self}")
        return self.nearest(value)

    def __contains__(self, value: Scalar) -> bool:
        if isinstance(value, str) or not self.low <= value <= self.high:
            return False
        tolerance = 1e-9 * (self.step or 0.0)  # of values computed as low + n * step
        return abs(value - self.nearest(value)) <= tolerance

    def __str__(self) -> str:
        return f"{self.low} to {self.high}" + (
            "" if self.step is None else f" in steps of {self.step}"
        )

    def _nth(self, n: int) -> int | float:
        assert self.step is not None
        value = nth_step(self.low, self.step, n)
        return round(value) if self.is_whole else value


def _axis_form(value: object) -> str:
    return "range" if isinstance(value, Mapping | Range) else "values"


Axis = Annotated[
    Annotated[Range, Tag("range")] | Annotated[OneOrMore[ScalarValue], Tag("values")],
    Discriminator(_axis_form),
]


def n_values(axis: Range | tuple[Scalar, ...]) -> int | None:
    """Number of values of ``axis``; None of a range without a step."""
    return axis.n_values if isinstance(axis, Range) else len(axis)


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
