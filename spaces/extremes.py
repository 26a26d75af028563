"""Layouts that bound all layouts of a space in parameters and FLOPs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from spaces.layout import Layout
from spaces.space import SearchSpace


def extreme_layouts(space: SearchSpace) -> Iterator[tuple[Layout, Layout]]:
    """Pairs of an encoder and a decoder that bound the space's parameters and FLOPs."""
    return product(space.encoder_stack.extremes(), space.decoder_stack.extremes())
