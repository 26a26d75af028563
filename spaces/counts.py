"""Parameter counts by arithmetic, equal to those of the model that would be built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spaces.dimensions import Dimensions
from spaces.kinds import ATTENTION, FEED_FORWARD, LAYER_KINDS, NORMS, reservoir_letters
from spaces.layout import Layout, check_decoder
from spaces.sublayers import attention_params, feed_forward_params, layer_norm_params


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
    in_encoder = _stack(encoder, lambda kind: LAYER_KINDS[kind].params(dims))
    in_decoder = _stack(decoder, lambda _: _decoder_layer(dims))
    n_encoder = in_encoder.total() + norms
    total = _embeddings(dims) + n_encoder + in_decoder.total() + norms
    frozen = sum(in_encoder[kind] + in_decoder[kind] for kind in reservoir_letters())
    # Nothing but reservoirs is frozen, and nothing but reservoirs can be drawn again.
    return ParamCounts(
        total=total, learned=total - frozen, stored=total - frozen, encoder=n_encoder
    )


def count_encoder_params(encoder: Layout, dims: Dimensions, *, n_head: int) -> ParamCounts:
    """The four counts of an encoder with its embeddings and a learned head of ``n_head``."""
    in_encoder = _stack(encoder, lambda kind: LAYER_KINDS[kind].params(dims))
    n_encoder = in_encoder.total() + _final_norm(dims)
    total = _table(dims.src_rows, dims) + n_encoder + n_head
    frozen = sum(in_encoder[kind] for kind in reservoir_letters())
    return ParamCounts(
        total=total, learned=total - frozen, stored=total - frozen, encoder=n_encoder
    )


def _stack(stack: Layout, layer: Callable[[str], Mapping[str, int]]) -> Counter[str]:
    """Number of parameters by layer kind; shared weights count once."""
    n_params: Counter[str] = Counter()
    sizes = {kind: layer(kind) for kind in set(stack.kinds)}
    for component in {component for size in sizes.values() for component in size}:
        kind_of = dict(zip(stack.owners_of(component), stack.kinds, strict=True))
        for kind in kind_of.values():
            n_params[kind] += sizes[kind].get(component, 0)
    return n_params


def _decoder_layer(dims: Dimensions) -> Mapping[str, int]:
    """Parameters of one decoder layer of any kind: attention to itself and to the encoder."""
    return {
        ATTENTION: 2 * attention_params(dims),
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
