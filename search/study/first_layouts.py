"""The candidates that a study trains before its algorithm chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Annotated

from pydantic import BeforeValidator, Discriminator, Field, Tag

from spaces.axes import Range, ScalarValue, flatten
from spaces.candidate import Candidate
from spaces.chooser import Point, Scalar, SpaceError
from spaces.layout import LayoutError
from spaces.layout_fields import DecoderLayout, EncoderLayout
from spaces.presets import resolve_layout
from spaces.space import SearchSpace
from spaces.space_fields import HyperName
from trainable.config import PositiveFloat, Section


class FirstCandidate(Section):
    """A whole candidate of ``search.first``; what is absent has the first value of its axis."""

    encoder: EncoderLayout
    decoder: DecoderLayout | None = None
    reservoir_gain: PositiveFloat | None = None
    hyper: Annotated[dict[HyperName, ScalarValue], BeforeValidator(flatten)] = Field(
        default_factory=dict
    )


def _form(value: object) -> str:
    return "whole" if isinstance(value, Mapping | FirstCandidate) else "written"


# An encoder, in notation or by preset, or a whole candidate.
First = Annotated[
    Annotated[str, Tag("written")] | Annotated[FirstCandidate, Tag("whole")], Discriminator(_form)
]


def first_point(first: str | FirstCandidate, space: SearchSpace) -> Point:
    """Point of the space with what ``first`` gives, and the first value of every other axis.

    The first value of a range is its middle, the geometric one where the range is logarithmic.

    Raises:
        LayoutError: ``first`` is a text, and neither a preset nor the notation.
        SpaceError: the space does not have it.
    """
    if isinstance(first, str):
        first = FirstCandidate(encoder=resolve_layout(first))
    decoder = first.decoder or space.first_decoder
    has_reservoirs = first.encoder.n_reservoirs + decoder.n_reservoirs > 0
    gain = first.reservoir_gain or float(first_value(space.reservoir_gain))
    return space.encode(
        Candidate(
            encoder=first.encoder,
            decoder=decoder,
            reservoir_gain=gain if has_reservoirs else 1.0,
            hyper=first_settings(space) | first.hyper,
        )
    )


def first_name(first: str | FirstCandidate) -> str:
    """Name of an entry of ``search.first`` in messages."""
    return first if isinstance(first, str) else str(first.encoder)


def first_layout_faults(entries: Sequence[str | FirstCandidate], space: SearchSpace) -> list[str]:
    """Faults of ``search.first``, one line for each wrong entry."""
    faults = []
    for first in entries:
        try:
            first_point(first, space)
        except LayoutError as error:
            faults.append(f"search.first: {error}")
        except SpaceError as error:
            rules = [line.removeprefix("space: ") for line in str(error).split("\n")]
            faults.append(
                f"search.first '{first_name(first)}': {', '.join(rules)}; "
                "widen the space or leave it out"
            )
    return faults


def first_settings(space: SearchSpace) -> dict[str, Scalar]:
    """First value of each setting that the space varies."""
    return {name: first_value(axis) for name, axis in space.hyper.items()}


def first_value(axis: Range | tuple[Scalar, ...]) -> Scalar:
    """First value of an axis; of a range the middle, the geometric one if it is logarithmic."""
    if not isinstance(axis, Range):
        return axis[0]
    return axis.nearest(
        sqrt(axis.low) * sqrt(axis.high) if axis.log else (axis.low + axis.high) / 2
    )
