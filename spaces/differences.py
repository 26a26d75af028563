"""Low-rank differences between the uses of a shared layer: their parameters and FLOPs.

Each use of a set written with ``+r8`` adds to each of its shared linear maps the product of two
matrices of its own, of 8 rows and of 8 columns.

Source:
    "Relaxed recursive Transformers", Bae et al. 2024 (arXiv:2410.20672), section 2.3.
"""

from __future__ import annotations

from typing import TypeVar

from spaces.dimensions import Dimensions
from spaces.kinds import ATTENTION, FEED_FORWARD
from spaces.layout import Layer, Layout

N = TypeVar("N", int, float)

ENCODER_PROJECTIONS, DECODER_PROJECTIONS = 4, 8  # linear maps of a layer's attentions


def difference_params(stack: Layout, dims: Dimensions, *, n_projections: int) -> int:
    """Parameters of all differences of a stack, whose layers have so many attention projections."""
    return sum(
        rank * _width(layer, dims, n_projections)
        for layer, rank in zip(stack.layers, stack.ranks, strict=True)
    )


def difference_flops(layer: Layer, rank: int, dims: Dimensions, *, n_projections: float) -> float:
    """Forward FLOPs per token of one layer's differences.

    ``n_projections``: attention projections that a token passes.
    """
    return 2 * rank * _width(layer, dims, n_projections)


def _width(layer: Layer, dims: Dimensions, n_projections: N) -> N:
    """Sum of the inputs and outputs of the linear maps that ``layer`` shares."""
    width = n_projections * 0
    if layer.shares(ATTENTION):
        width += n_projections * 2 * dims.d_model
    if layer.shares(FEED_FORWARD):
        width += 2 * (dims.d_model + dims.ffn)
    return width
