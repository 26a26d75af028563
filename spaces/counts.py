"""Parameter counts by arithmetic, equal to those of the model that would be built."""

from __future__ import annotations

from dataclasses import dataclass

from spaces.dimensions import Dimensions
from spaces.layout import RESERVOIR_KINDS, Layout, check_decoder

CONV_KERNEL = 7  # width of the convolution reservoir, in tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamCounts:
    """Parameters of one model; a weight set counts once, however many depths use it."""

    total: int  # every weight set, embeddings included
    learned: int  # what training changes: all but reservoirs
    stored: int  # what a checkpoint must hold: a reservoir is drawn again from its seed
    encoder: int  # the encoder stack, reservoirs included, embeddings not


def count_params(encoder: Layout, decoder: Layout, dims: Dimensions) -> ParamCounts:
    """The four counts of the model with these stacks.

    Raises:
        LayoutError: the decoder holds a kind that no decoder can.
    """
    check_decoder(decoder)
    norms = _final_norm(dims)
    in_encoder = [encoder_layer_params(kind, dims) for kind in encoder.set_kinds]
    in_decoder = [decoder_layer_params(dims) for _ in decoder.set_kinds]
    frozen = sum(
        n_params
        for kind, n_params in zip(
            encoder.set_kinds + decoder.set_kinds, in_encoder + in_decoder, strict=True
        )
        if kind in RESERVOIR_KINDS
    )
    n_encoder = sum(in_encoder) + norms
    total = _embeddings(dims) + n_encoder + sum(in_decoder) + norms
    # Nothing but reservoirs is frozen, and nothing but reservoirs can be drawn again.
    return ParamCounts(
        total=total, learned=total - frozen, stored=total - frozen, encoder=n_encoder
    )


def encoder_layer_params(kind: str, dims: Dimensions) -> int:
    """Parameters of one encoder layer, its LayerNorms included."""
    d, ffn, heads = dims.d_model, dims.ffn, dims.heads
    norm = _layer_norm(d)
    match kind:
        case "L" | "R":
            return _attention(d) + _feed_forward(d, ffn) + 2 * norm
        case "F":
            return norm + _feed_forward(d, ffn)
        case "G":
            return norm + 2 * _gru(d, d // 2)  # two directions
        case "C":
            return norm + _linear(d, 2 * d) + heads * CONV_KERNEL + _linear(d, d)
    raise ValueError(f"no encoder layer of kind {kind!r}")


def decoder_layer_params(dims: Dimensions) -> int:
    """Parameters of one decoder layer, L or R: attention to itself and to the encoder."""
    d = dims.d_model
    return 2 * _attention(d) + _feed_forward(d, dims.ffn) + 3 * _layer_norm(d)


def _embeddings(dims: Dimensions) -> int:
    """Embeddings and output projection; positions are sinusoids and have none.

    Factorised ones have a matrix for the encoder's input and for the decoder's two ends.
    """
    n_rows = {
        "none": dims.src_rows + 2 * dims.tgt_rows,
        "decoder": dims.src_rows + dims.tgt_rows,
        "all": dims.src_rows,
    }
    if dims.factors is None:
        return n_rows[dims.tied] * dims.d_model
    return (n_rows[dims.tied] + 3 * dims.d_model) * dims.factors


def _final_norm(dims: Dimensions) -> int:
    return _layer_norm(dims.d_model) if dims.norm == "pre" else 0


def _linear(n_in: int, n_out: int) -> int:
    return n_in * n_out + n_out


def _layer_norm(d: int) -> int:
    return 2 * d


def _attention(d: int) -> int:
    return 4 * _linear(d, d)  # query, key, value, output


def _feed_forward(d: int, ffn: int) -> int:
    return _linear(d, ffn) + _linear(ffn, d)


def _gru(d: int, hidden: int) -> int:
    """One direction: three gates, each from the input and from the state, as torch has them."""
    return 3 * (_linear(d, hidden) + _linear(hidden, hidden))
