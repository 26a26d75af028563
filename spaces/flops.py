"""FLOPs of training and of a forward pass by arithmetic: the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from spaces.differences import ENCODER_PROJECTIONS, difference_flops
from spaces.dimensions import Dimensions
from spaces.kinds import ATTENTION, FEED_FORWARD, LAYER_KINDS, QUERY_KEY
from spaces.layout import Layer, Layout, check_decoder
from spaces.sublayers import feed_forward_flops, product_flops

Backward = Literal["through", "around"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlopsPerToken:
    """FLOPs per target token, including its share of the source side."""

    forward: float
    training: float  # forward and backward pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """Work that an update skips, beside the gradients of the reservoirs' own weights."""

    around_reservoirs: bool = False  # backskipping: gradients go around the encoder's reservoirs
    frozen: frozenset[int] = frozenset()  # encoder depths frozen by AutoFreeze
    layer_drop: float = 0.0  # probability that an update drops an encoder layer


NO_SAVINGS = Savings()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """Forward FLOPs per target token of a part of the model."""

    learned: float  # products of learned weights and activations
    frozen: float = 0.0  # products of reservoirs' weights and activations
    scores: float = 0.0  # products of activations and activations, as in attention

    @property
    def forward(self) -> float:
        return self.learned + self.frozen + self.scores

    def training(self, *, frozen: bool = False) -> float:
        """FLOPs of forward and backward pass.

        A product of two factors costs its forward FLOPs again for the gradient of each
        factor. A frozen weight needs no gradient, but gradients still pass through to the
        layers below. With ``frozen`` the learned weights are frozen too.
        """
        n_gradients = 1 if frozen else 2
        return (1 + n_gradients) * self.learned + (1 + 1) * self.frozen + (1 + 2) * self.scores


def flops_per_token(
    encoder: Layout,
    decoder: Layout,
    dims: Dimensions,
    *,
    src_length: float,
    tgt_length: float,
    savings: Savings = NO_SAVINGS,
) -> FlopsPerToken:
    """FLOPs per target token of an update and of a forward pass.

    A multiplication and its addition are two FLOPs. Counted: every matrix product, attention
    (over the whole square, masked or not) and the output projection. Left out, as minor:
    embedding look-ups, biases, LayerNorms, softmaxes, activations, dropout, the optimizer. A
    shared weight set counts at every depth that uses it. Padding is not counted.

    Args:
        src_length, tgt_length: mean sentence lengths in tokens, end of sentence included.
        savings: work that is skipped; with LayerDrop the expected FLOPs are given.

    Raises:
        ValueError: a length is not positive.
        LayoutError: the decoder has a layer of a kind that cannot attend to the encoder.
    """
    if min(src_length, tgt_length) <= 0:
        raise ValueError(f"lengths {src_length} and {tgt_length} must be positive")
    check_decoder(decoder)
    src_per_tgt = src_length / tgt_length
    encoder_works = [
        _encoder_layer(layer, rank, dims, src_length, src_per_tgt)
        for layer, rank in zip(encoder.layers, encoder.ranks, strict=True)
    ]
    others = [
        *(
            _decoder_layer(layer, rank, dims, src_length, tgt_length)
            for layer, rank in zip(decoder.layers, decoder.ranks, strict=True)
        ),
        _Work(learned=_output(dims, src_per_tgt)),
    ]
    works = [*encoder_works, *others]
    training = [
        *_encoder_training(encoder, encoder_works, savings),
        *(work.training() for work in others),
    ]
    return FlopsPerToken(forward=sum(work.forward for work in works), training=sum(training))


def encoder_flops_per_token(
    encoder: Layout,
    dims: Dimensions,
    *,
    length: float,
    head_weights: float,
    savings: Savings = NO_SAVINGS,
) -> FlopsPerToken:
    """FLOPs per input token of a model that is an encoder and a learned head.

    They are counted as in ``flops_per_token``.

    Args:
        length: mean sentence length in tokens, special tokens included.
        head_weights: forward FLOPs of the head's products for each input token.
        savings: work that is skipped; with LayerDrop the expected FLOPs are given.

    Raises:
        ValueError: the length is not positive.
    """
    if length <= 0:
        raise ValueError(f"length {length} must be positive")
    works = [
        _encoder_layer(layer, rank, dims, length, 1.0)
        for layer, rank in zip(encoder.layers, encoder.ranks, strict=True)
    ]
    widening = 0 if dims.factors is None else product_flops(dims.factors, dims.d_model)
    head = _Work(learned=widening + head_weights)
    training = [*_encoder_training(encoder, works, savings), head.training()]
    return FlopsPerToken(
        forward=sum(work.forward for work in (*works, head)), training=sum(training)
    )


def _encoder_training(encoder: Layout, works: Sequence[_Work], savings: Savings) -> Iterator[float]:
    """Expected training FLOPs of each encoder depth, per target token."""
    for depth, (layer, work) in enumerate(zip(encoder.layers, works, strict=True)):
        if layer.is_frozen and savings.around_reservoirs:
            whole = work.forward
        else:
            whole = work.training(frozen=depth in savings.frozen)
        yield (1 - savings.layer_drop) * whole


def _output(dims: Dimensions, src_per_tgt: float) -> float:
    """FLOPs of the output projection, and of the three matrices of factorised embeddings."""
    if dims.factors is None:
        return product_flops(dims.d_model, dims.tgt_rows)
    widen = product_flops(dims.factors, dims.d_model)
    return (2 + src_per_tgt) * widen + product_flops(dims.factors, dims.tgt_rows)


def _encoder_layer(
    layer: Layer, rank: int, dims: Dimensions, src_length: float, src_per_tgt: float
) -> _Work:
    """Work of one encoder layer on ``src_per_tgt`` source tokens per target token."""
    kind = LAYER_KINDS[layer.kind]
    learned, frozen = _by_learning(layer, kind.flops(dims))
    learned += difference_flops(layer, rank, dims, n_projections=ENCODER_PROJECTIONS)
    attention = replace(dims.attention, way=kind.attention or dims.attention.way)
    n_keys = attention.n_keys(src_length) if kind.has_attention else 0.0
    scores = _attention_scores(dims.d_model, n_keys)
    return _Work(
        learned=src_per_tgt * learned, frozen=src_per_tgt * frozen, scores=src_per_tgt * scores
    )


def _decoder_layer(
    layer: Layer, rank: int, dims: Dimensions, src_length: float, tgt_length: float
) -> _Work:
    """Work of one decoder layer on target tokens, its source keys and values on source tokens."""
    d = dims.d_model
    # Self-attention has 4 products a token, encoder attention 2 (query and output), and its
    # keys and values 2 per source token.
    n_products = 4 + 2 + 2 * src_length / tgt_length
    flops = {
        QUERY_KEY: n_products / 2 * product_flops(d, d),
        ATTENTION: n_products / 2 * product_flops(d, d),
        FEED_FORWARD: feed_forward_flops(dims),
    }
    learned, frozen = _by_learning(layer, flops)
    return _Work(
        learned=learned + difference_flops(layer, rank, dims, n_projections=n_products),
        frozen=frozen,
        scores=_attention_scores(d, tgt_length) + _attention_scores(d, src_length),
    )


def _by_learning(layer: Layer, flops: Mapping[str, float]) -> tuple[float, float]:
    """Sums of the FLOPs by component: of those of ``layer`` that learn, and of the frozen."""
    kind = LAYER_KINDS[layer.kind]
    frozen = sum(n for component, n in flops.items() if kind.freezes(component))
    learned = sum(n for component, n in flops.items() if not kind.freezes(component))
    return learned, frozen


def _attention_scores(d: int, n_keys: float) -> float:
    """FLOPs of one query's scores over all keys, and of the weighted sum of the values.

    With a Performer's features in the keys' place: of their product with the values, to which
    each token adds, and with the query.
    """
    return 2 * (2 * d * n_keys)
