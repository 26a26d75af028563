"""Layouts that bound all layouts of a space in parameters and FLOPs."""

from __future__ import annotations

from collections.abc import Iterator

from spaces.layout import Layout
from spaces.sharing import share
from spaces.space import SearchSpace, decoder_stack


def extreme_layouts(space: SearchSpace) -> Iterator[tuple[Layout, Layout]]:
    """Pairs of an encoder and a decoder that bound the space's parameters and FLOPs.

    The position of reservoirs changes neither count, so they lie at the bottom here, all of
    one kind. (``free`` may mix kinds that share within themselves; such a layout can have a
    few more frozen parameters than these.)
    """
    decoders = [
        decoder_stack(depth, n)
        for depth in {min(space.decoder_depth), max(space.decoder_depth)}
        for n in space.decoder_reservoirs
        if n <= depth
    ]
    for depth in space.depth:
        numbers = range(depth + 1) if space.n_reservoirs is None else space.n_reservoirs
        for n_reservoirs in numbers:
            if n_reservoirs <= depth:
                for encoder in _encoders(space, depth, n_reservoirs):
                    yield from ((encoder, decoder) for decoder in decoders)


def _encoders(space: SearchSpace, depth: int, n_reservoirs: int) -> set[Layout]:
    return {
        share(
            kind * n_reservoirs + "L" * (depth - n_reservoirs), learned=learned, reservoir=reservoir
        )
        for kind in space.reservoir_kind
        for learned in space.share_learned
        for reservoir in space.share_reservoir
    }
