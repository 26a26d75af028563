"""Layer kinds: the letters of a layout, with the parameters and FLOPs of such layers.

A new reservoir kind is one more entry of the table here and one more module in
`trainable/reservoirs/`; everything else reads this table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from spaces.dimensions import AttentionWay, Dimensions
from spaces.sublayers import (
    attention_flops,
    attention_params,
    feature_flops,
    feature_params,
    feed_forward_flops,
    feed_forward_params,
    gru_flops,
    gru_params,
    layer_norm_params,
    length_projection_flops,
    length_projection_params,
    linear_params,
    product_flops,
    query_key_flops,
    query_key_params,
)

# Components of a layer. Attention here is without its query and key projections, which kind Q
# freezes by themselves.
QUERY_KEY, ATTENTION, FEED_FORWARD, NORMS = "query and key", "attention", "feed-forward", "norms"
LENGTH = "length projections"  # of Linformer
FEATURES = "random features"  # of a Performer; they never learn
# Components that a weight set can hold of a partly shared layer, by the part's letter.
PARTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "a": frozenset({QUERY_KEY, ATTENTION, LENGTH, FEATURES}),
        "f": frozenset({FEED_FORWARD}),
        "w": frozenset({QUERY_KEY, ATTENTION, LENGTH, FEATURES, FEED_FORWARD}),
    }
)
PART_NAMES: Mapping[str, str] = MappingProxyType(
    {"": "weights", "a": "attention", "f": "feed-forward", "w": "all but norms"}
)
# Letters of the parts by the ending of a sharing rule.
PART_ENDINGS: Mapping[str, str] = MappingProxyType(
    {"attention": "a", "feed-forward": "f", "weights": "w"}
)
CONV_KERNEL = 7  # width of the convolution reservoir, in tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerKind:
    """A kind of layer.

    Args:
        letter: one capital letter, A to Z.
        name: name in tables and figures.
        is_reservoir: True if its weights are random and frozen, at least in part.
        learned: components of a reservoir that learn all the same.
        parts: letters of ``PARTS`` that such layers can share. Attention is the modules
            ``self_attn`` and ``encoder_attn``, the feed-forward block ``fc1`` and ``fc2``. A
            kind without parts shares whole layers only.
        in_decoder: True if a decoder can contain it: as a Transformer layer that attends to
            the encoder, frozen if it is a reservoir.
        has_attention: True if it has self-attention, whose FLOPs per token grow with the
            sentence's length.
        attention: its attention, whatever the model's is; the model's if absent.
        params: parameters of one encoder layer by component, its LayerNorms (``NORMS``) included.
        flops: forward FLOPs per token of an encoder layer's products with weights, by component.
    """

    letter: str
    name: str
    is_reservoir: bool
    learned: frozenset[str] = frozenset()
    parts: str = ""
    in_decoder: bool = False
    has_attention: bool = False
    attention: AttentionWay | None = None
    params: Callable[[Dimensions], Mapping[str, int]]
    flops: Callable[[Dimensions], Mapping[str, int]]

    def __post_init__(self) -> None:
        if len(self.letter) != 1 or not "A" <= self.letter <= "Z":
            raise ValueError(f"layer kind {self.letter!r} is not a letter from A to Z")
        if unknown := set(self.parts) - set(PARTS):
            raise ValueError(f"layer kind {self.letter}: no parts {sorted(unknown)}")

    @property
    def is_frozen(self) -> bool:
        """True if no component learns."""
        return self.is_reservoir and not self.learned

    def freezes(self, component: str) -> bool:
        """True if ``component`` is random and frozen."""
        return component == FEATURES or (self.is_reservoir and component not in self.learned)


def _transformer_params(dims: Dimensions) -> Mapping[str, int]:
    return {
        QUERY_KEY: query_key_params(dims),
        ATTENTION: attention_params(dims) - query_key_params(dims),
        LENGTH: length_projection_params(dims),
        FEATURES: feature_params(dims),
        FEED_FORWARD: feed_forward_params(dims),
        NORMS: 2 * layer_norm_params(dims),
    }


def _transformer_flops(dims: Dimensions) -> Mapping[str, int]:
    return {
        QUERY_KEY: query_key_flops(dims),
        ATTENTION: attention_flops(dims) - query_key_flops(dims),
        LENGTH: length_projection_flops(dims),
        FEATURES: feature_flops(dims),
        FEED_FORWARD: feed_forward_flops(dims),
    }


def _with_performer(dims: Dimensions) -> Dimensions:
    return replace(dims, attention=replace(dims.attention, way="performer"))


def _performer_params(dims: Dimensions) -> Mapping[str, int]:
    return _transformer_params(_with_performer(dims))


def _performer_flops(dims: Dimensions) -> Mapping[str, int]:
    return _transformer_flops(_with_performer(dims))


def _feed_forward_params(dims: Dimensions) -> Mapping[str, int]:
    return {FEED_FORWARD: feed_forward_params(dims), NORMS: layer_norm_params(dims)}


def _feed_forward_flops(dims: Dimensions) -> Mapping[str, int]:
    return {FEED_FORWARD: feed_forward_flops(dims)}


def _bigru_params(dims: Dimensions) -> Mapping[str, int]:
    recurrence = 2 * gru_params(dims.d_model, dims.d_model // 2)  # two directions
    return {"recurrence": recurrence, NORMS: layer_norm_params(dims)}


def _bigru_flops(dims: Dimensions) -> Mapping[str, int]:
    return {"recurrence": 2 * gru_flops(dims.d_model, dims.d_model // 2)}


def _convolution_params(dims: Dimensions) -> Mapping[str, int]:
    d = dims.d_model
    convolution = linear_params(d, 2 * d) + dims.heads * CONV_KERNEL + linear_params(d, d)
    return {"convolution": convolution, NORMS: layer_norm_params(dims)}


def _convolution_flops(dims: Dimensions) -> Mapping[str, int]:
    d = dims.d_model
    products = product_flops(d, 2 * d) + product_flops(CONV_KERNEL, d) + product_flops(d, d)
    return {"convolution": products}


def _partly_frozen(letter: str, name: str, learned: frozenset[str]) -> LayerKind:
    """A Transformer layer of which all but the components ``learned`` is random and frozen."""
    return LayerKind(
        letter=letter,
        name=name,
        is_reservoir=True,
        learned=learned,
        parts="afw",
        in_decoder=True,
        has_attention=True,
        params=_transformer_params,
        flops=_transformer_flops,
    )


_KINDS = {
    kind.letter: kind
    for kind in (
        LayerKind(
            letter="L",
            name="learned",
            is_reservoir=False,
            parts="afw",
            in_decoder=True,
            has_attention=True,
            params=_transformer_params,
            flops=_transformer_flops,
        ),
        LayerKind(
            letter="R",
            name="Transformer reservoir",
            is_reservoir=True,
            parts="af",  # without w: a reservoir's LayerNorms do not learn, so Rw1 equals R1
            in_decoder=True,
            has_attention=True,
            params=_transformer_params,
            flops=_transformer_flops,
        ),
        _partly_frozen("A", "frozen attention", frozenset({FEED_FORWARD, NORMS})),
        _partly_frozen(
            "N", "frozen feed-forward", frozenset({QUERY_KEY, ATTENTION, LENGTH, NORMS})
        ),
        _partly_frozen(
            "Q", "frozen query and key", frozenset({ATTENTION, LENGTH, FEED_FORWARD, NORMS})
        ),
        LayerKind(
            letter="P",
            name="Performer reservoir",
            is_reservoir=True,
            parts="af",
            has_attention=True,
            attention="performer",
            params=_performer_params,
            flops=_performer_flops,
        ),
        LayerKind(
            letter="F",
            name="feed-forward reservoir",
            is_reservoir=True,
            params=_feed_forward_params,
            flops=_feed_forward_flops,
        ),
        LayerKind(
            letter="G",
            name="BiGRU reservoir",
            is_reservoir=True,
            params=_bigru_params,
            flops=_bigru_flops,
        ),
        LayerKind(
            letter="C",
            name="convolution reservoir",
            is_reservoir=True,
            params=_convolution_params,
            flops=_convolution_flops,
        ),
    )
}
LAYER_KINDS: Mapping[str, LayerKind] = MappingProxyType(_KINDS)  # by letter, in this order


def reservoir_letters() -> tuple[str, ...]:
    """Letters of the reservoir kinds, partly frozen ones included."""
    return tuple(letter for letter, kind in LAYER_KINDS.items() if kind.is_reservoir)


def decoder_letters() -> tuple[str, ...]:
    """Letters of the kinds that a decoder can contain."""
    return tuple(letter for letter, kind in LAYER_KINDS.items() if kind.in_decoder)


def listed(letters: Iterable[str], conjunction: str = "or") -> str:
    """Letters as a list in a sentence: R, F, G or C."""
    *others, last = letters
    return f"{', '.join(others)} {conjunction} {last}" if others else last
