"""fairseq's Transformer encoder layer, for learned layers and for reservoirs.

Shapes: T source, B batch, D model.
"""

from __future__ import annotations

import copy
from typing import Any

from fairseq.models.transformer import TransformerConfig
from torch import Tensor

from spaces.dimensions import MAX_SRC_POSITIONS
from spaces.kinds import LAYER_KINDS
from trainable.layers.attention import Attention, padding_mask
from trainable.layers.linformer import LinformerAttention
from trainable.layers.performer import PerformerAttention
from trainable.layers.sublayers import SubLayers
from trainable.private.fairseq import TransformerEncoderLayerBase


class EncoderLayer(SubLayers, TransformerEncoderLayerBase):  # type: ignore[misc]
    """fairseq's encoder layer, with the same parameters and a faster forward pass."""

    def __init__(self, cfg: TransformerConfig) -> None:
        super().__init__(cfg)
        self.use_cheap_dropout(cfg.dropout, cfg.activation_dropout)

    def build_self_attention(self, embed_dim: int, cfg: TransformerConfig) -> Attention:
        """The chosen attention, its projections with fairseq's initial weights."""
        attention, options = _attention(cfg)
        return attention(
            embed_dim,
            cfg.encoder.attention_heads,
            dropout=cfg.attention_dropout,
            self_attention=True,
            **options,
        )

    def forward(self, x_TBD: Tensor, encoder_padding_mask: Tensor | None) -> Tensor:
        """Output of the layer, T, B, D; the mask is B, T and true at padding."""
        mask = padding_mask(encoder_padding_mask, x_TBD.dtype)
        x_TBD = self.residual(
            self.self_attn_layer_norm, x_TBD, lambda x: self.self_attn.attend(x, x, mask)
        )
        return self.residual(self.final_layer_norm, x_TBD, self.feed_forward)


def _attention(cfg: TransformerConfig) -> tuple[type[Attention], dict[str, Any]]:
    """Class of the encoder's self-attention, and the options that it has of its own."""
    match cfg.attention:
        case "performer":
            return PerformerAttention, {"n_features": cfg.attention_features}
        case "linformer":
            return LinformerAttention, {
                "length": cfg.attention_length,
                "n_positions": MAX_SRC_POSITIONS,
                "shared": cfg.attention_sharing == "all",
            }
        case "softmax":
            return Attention, {}
    raise ValueError(f"no attention is called {cfg.attention!r}")


def layer_config(kind: str, cfg: TransformerConfig) -> TransformerConfig:
    """Copy of ``cfg`` for layers of ``kind``, with the kind's attention if it has one.

    Every kind of dropout is off if no part of the layer learns, unless it is set on.
    """
    layer_kind = LAYER_KINDS[kind]
    changed = copy.deepcopy(cfg)
    changed.attention = layer_kind.attention or cfg.attention
    if layer_kind.is_frozen and cfg.reservoir_dropout == "off":
        changed.dropout = changed.attention_dropout = changed.activation_dropout = 0.0
    return changed
