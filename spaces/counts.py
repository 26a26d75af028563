"""Parameter counts by arithmetic, equal to those of the model that would be built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spaces.differences import (
    DECODER_PROJECTIONS,
    ENCODER_PROJECTIONS,
    difference_params,
)
from spaces.dimensions import Dimensions
from spaces.kinds import ATTENTION, FEED_FORWARD, LAYER_KINDS, LENGTH, NORMS, QUERY_KEY
from spaces.layout import Layout, check_decoder
from spaces.sublayers import (
    attention_params,
    feed_forward_params,
    layer_norm_params,
    query_key_params,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamCounts:
    """Parameter counts of one model; a weight set counts once, however many depths use it."""

    total: int  # all weight sets and the embeddings
    learned: int  # parameters that training changes: all but the reservoirs'
    stored: int  # parameters in a checkpoint; a reservoir is drawn again from its seed
    encoder: int  # the encoder stack with its reservoirs, without embeddings


def count_params(encoder: Layout, decoder: Layout, dims: Dimensions) -> ParamCounts:
    """The four counts of the model with these stacks.

    Raises:
        LayoutError: the decoder has a layer of a kind that cannot attend to the encoder.
    """
    check_decoder(decoder)
    norms = _final_norm(dims)
    in_encoder = _stack(encoder, dims, lambda kind: LAYER_KINDS[kind].params(dims))
    in_decoder = _stack(decoder, dims, lambda _: _decoder_layer(dims))
    n_encoder = (
        in_encoder.total
        + norms
        + difference_params(encoder, dims, n_projections=ENCODER_PROJECTIONS)
    )
    n_decoder = (
        in_decoder.total
        + norms
        + difference_params(decoder, dims, n_projections=DECODER_PROJECTIONS)
    )
    total = _embeddings(dims) + n_encoder + n_decoder
    frozen = in_encoder.frozen + in_decoder.frozen
    # What is frozen is drawn again from the seed, and nothing else is.
    return ParamCounts(
        total=total, learned=total - frozen, stored=total - frozen, encoder=n_encoder
    )


def count_encoder_params(encoder: Layout, dims: Dimensions, *, n_head: int) -> ParamCounts:
    """The four counts of an encoder with its embeddings and a learned head of ``n_head``."""
    in_encoder = _stack(encoder, dims, lambda kind: LAYER_KINDS[kind].params(dims))
    differences = difference_params(encoder, dims, n_projections=ENCODER_PROJECTIONS)
    n_encoder = in_encoder.total + _final_norm(dims) + differences
    total = _table(dims.src_rows, dims) + n_encoder + n_head
    learned = total - in_encoder.frozen
    return ParamCounts(total=total, learned=learned, stored=learned, encoder=n_encoder)


@dataclass(frozen=True, slots=True, kw_only=True)
class _StackParams:
    """Numbers of parameters in one stack."""

    total: int
    frozen: int  # those of the reservoirs, and random features


def _stack(
    stack: Layout, dims: Dimensions, layer: Callable[[str], Mapping[str, int]]
) -> _StackParams:
    """Numbers of parameters in a stack; shared weights count once."""
    total = frozen = 0
    sizes = {kind: layer(kind) for kind in set(stack.kinds)}
    for component in {component for size in sizes.values() for component in size}:
        kind_of = dict(zip(_owners(stack, component, dims), stack.kinds, strict=True))
        for kind in kind_of.values():
            n_params = sizes[kind].get(component, 0)
            total += n_params
            frozen += n_params if LAYER_KINDS[kind].freezes(component) else 0
    return _StackParams(total=total, frozen=frozen)


def _owners(stack: Layout, component: str, dims: Dimensions) -> tuple[int, ...]:
    """Index of the distinct ``component`` at each depth; -1 where all layers share it."""
    owners = stack.owners_of(component)
    if component != LENGTH or dims.attention.sharing == "none":
        return owners
    return tuple(
        owner if LAYER_KINDS[kind].freezes(LENGTH) else -1
        for owner, kind in zip(owners, stack.kinds, strict=True)
    )


def _decoder_layer(dims: Dimensions) -> Mapping[str, int]:
    """Parameters of one decoder layer of any kind: attention to itself and to the encoder."""
    return {
        QUERY_KEY: 2 * query_key_params(dims),
        ATTENTION: 2 * (attention_params(dims) - query_key_params(dims)),
        FEED_FORWARD: feed_forward_params(dims),
        NORMS: 3 * layer_norm_params(dims),
    }


def _embeddings(dims: Dimensions) -> int:
    """Parameters of embeddings and output projection; positions are sinusoids, without any.

    Factorised embeddings add three matrices: at the encoder's input, the decoder's input and
    its output.
    """
    n_rows = {
        "none": dims.src_rows + 2 * dims.tgt_rows,
        "decoder": dims.src_rows + dims.tgt_rows,
        "all": dims.src_rows,
    }
    if dims.factors is None:
        return n_rows[dims.tied] * dims.d_model
    return (n_rows[dims.tied] + 3 * dims.d_model) * dims.factors


def _table(n_rows: int, dims: Dimensions) -> int:
    """Parameters of one embedding, with the matrix that widens it where it is factorised."""
    if dims.factors is None:
        return n_rows * dims.d_model
    return (n_rows + dims.d_model) * dims.factors


def _final_norm(dims: Dimensions) -> int:
    return layer_norm_params(dims) if dims.norm == "pre" else 0
