"""fairseq's Transformer encoder layer, for learned layers and for reservoirs.

Shapes: T source, B batch, D model.
"""

from __future__ import annotations

import copy

from fairseq.models.transformer import TransformerConfig
from torch import Tensor

from spaces.kinds import LAYER_KINDS
from trainable.layers.attention import Attention, padding_mask
from trainable.layers.sublayers import SubLayers
from trainable.private.fairseq import TransformerEncoderLayerBase


class EncoderLayer(SubLayers, TransformerEncoderLayerBase):  # type: ignore[misc]
    """fairseq's encoder layer, with the same parameters and a faster forward pass."""

    def __init__(self, cfg: TransformerConfig) -> None:
        super().__init__(cfg)
        self.use_cheap_dropout(cfg.dropout, cfg.activation_dropout)

    def build_self_attention(self, embed_dim: int, cfg: TransformerConfig) -> Attention:
        """Our attention with fairseq's initial weights."""
        return Attention(
            embed_dim,
            cfg.encoder.attention_heads,
            dropout=cfg.attention_dropout,
            self_attention=True,
        )

    def forward(self, x_TBD: Tensor, encoder_padding_mask: Tensor | None) -> Tensor:
        """Output of the layer, T, B, D; the mask is B, T and true at padding."""
        mask = padding_mask(encoder_padding_mask, x_TBD.dtype)
        x_TBD = self.residual(
            self.self_attn_layer_norm, x_TBD, lambda x: self.self_attn.attend(x, x, mask)
        )
        return self.residual(self.final_layer_norm, x_TBD, self.feed_forward)


def layer_config(kind: str, cfg: TransformerConfig) -> TransformerConfig:
    """``cfg`` for layers of ``kind``: without dropout if no part learns, unless it is set on."""
    learns = not LAYER_KINDS[kind].is_frozen
    return cfg if learns or cfg.reservoir_dropout == "on" else _without_dropout(cfg)


def _without_dropout(cfg: TransformerConfig) -> TransformerConfig:
    """Copy of ``cfg`` with every kind of dropout off."""
    changed = copy.deepcopy(cfg)
    changed.dropout = changed.attention_dropout = changed.activation_dropout = 0.0
    return changed
