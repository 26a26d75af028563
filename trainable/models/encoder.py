"""fairseq's Transformer encoder with the layers of a layout."""

from __future__ import annotations

import copy
from typing import Any

from fairseq.data import Dictionary
from fairseq.models.transformer import TransformerConfig
from fairseq.models.transformer.transformer_encoder import TransformerEncoderBase
from fairseq.modules.transformer_layer import TransformerEncoderLayerBase
from torch import nn

from spaces.layout import Layout
from trainable.models.stack import build_stack
from trainable.reservoirs.bigru import BiGRUReservoir
from trainable.reservoirs.convolution import ConvolutionReservoir
from trainable.reservoirs.feed_forward import FeedForwardReservoir


class ReservoirEncoder(TransformerEncoderBase):  # type: ignore[misc]
    """An encoder whose depth, kinds and sharing follow ``layout``.

    The layers are drawn before anything else that is random, where fairseq draws its own.
    """

    def __init__(
        self, cfg: TransformerConfig, dictionary: Dictionary, embed_tokens: Any, layout: Layout
    ) -> None:
        layers = build_stack(
            layout,
            stack="encoder",
            seed=cfg.reservoir_seed,
            gain=cfg.reservoir_gain,
            build=lambda kind: build_encoder_layer(kind, cfg),
        )
        super().__init__(cfg, dictionary, embed_tokens)
        self.layers.extend(layers)
        self.num_layers = len(layers)


def build_encoder_layer(kind: str, cfg: TransformerConfig) -> nn.Module:
    """A new layer of ``kind`` with fairseq's initial weights; reservoirs have no dropout."""
    d_model, normalize_before = cfg.encoder.embed_dim, cfg.encoder.normalize_before
    layer: nn.Module
    match kind:
        case "L":
            layer = TransformerEncoderLayerBase(cfg)
        case "R":
            layer = TransformerEncoderLayerBase(without_dropout(cfg))
        case "F":
            ffn = cfg.encoder.ffn_embed_dim
            layer = FeedForwardReservoir(d_model, ffn=ffn, normalize_before=normalize_before)
        case "G":
            layer = BiGRUReservoir(d_model, normalize_before=normalize_before)
        case "C":
            heads = cfg.encoder.attention_heads
            layer = ConvolutionReservoir(d_model, heads=heads, normalize_before=normalize_before)
        case _:
            raise ValueError(f"no encoder layer of kind '{kind}'")
    return layer


def without_dropout(cfg: TransformerConfig) -> TransformerConfig:
    """``cfg`` with every kind of dropout off."""
    still = copy.deepcopy(cfg)
    still.dropout = still.attention_dropout = still.activation_dropout = 0.0
    return still
