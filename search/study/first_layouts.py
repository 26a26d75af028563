"""The layouts that a study trains before its algorithm chooses."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from spaces.axes import Range
from spaces.candidate import Candidate
from spaces.chooser import Point, Scalar, SpaceError
from spaces.layout import LayoutError
from spaces.presets import resolve_layout
from spaces.space import SearchSpace, decoder_stack


def first_point(text: str, space: SearchSpace) -> Point:
    """Point of the space with the encoder ``text`` and the first value of every other axis.

    The first value of a range is its middle, the geometric one where the range is logarithmic.

    Raises:
        LayoutError: ``text`` is neither a preset nor the notation.
        SpaceError: the space does not have the layout.
    """
    encoder = resolve_layout(text)
    depth = space.decoder_depth[0]
    decoder = decoder_stack(depth, next(n for n in space.decoder_reservoirs if n <= depth))
    has_reservoirs = encoder.n_reservoirs + decoder.n_reservoirs > 0
    return space.encode(
        Candidate(
            encoder=encoder,
            decoder=decoder,
            reservoir_gain=float(first_value(space.reservoir_gain)) if has_reservoirs else 1.0,
            hyper={name: first_value(axis) for name, axis in space.hyper.items()},
        )
    )


def first_layout_faults(texts: Sequence[str], space: SearchSpace) -> list[str]:
    """Faults of the layouts of ``search.first``, one line for each wrong layout."""
    faults = []
    for text in texts:
        try:
            first_point(text, space)
        except LayoutError as error:
            faults.append(f"search.first: {error}")
        except SpaceError as error:
            rules = [line.removeprefix("space: ") for line in str(error).split("\n")]
            faults.append(
                f"search.first '{text}': {', '.join(rules)}; widen the space or leave it out"
            )
    return faults


def first_value(axis: Range | tuple[Scalar, ...]) -> Scalar:
    """First value of an axis; of a range the middle, the geometric one if it is logarithmic."""
    if not isinstance(axis, Range):
        return axis[0]
    middle = sqrt(axis.low) * sqrt(axis.high) if axis.log else (axis.low + axis.high) / 2
    return round(middle) if axis.is_whole else middle
