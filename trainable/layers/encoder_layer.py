"""fairseq's Transformer encoder layer, learned or with its dropout off for a reservoir.

Shapes: T source, B batch, D model.
"""

from __future__ import annotations

import copy

from fairseq.models.transformer import TransformerConfig
from torch import Tensor

from trainable.layers.attention import Attention, padding_mask
from trainable.layers.sublayers import SubLayers
from trainable.private.fairseq import TransformerEncoderLayerBase


class EncoderLayer(SubLayers, TransformerEncoderLayerBase):  # type: ignore[misc]
    """The parameters of fairseq's encoder layer, with a faster way through them."""

    def __init__(self, cfg: TransformerConfig) -> None:
        super().__init__(cfg)
        self.use_cheap_dropout(cfg.dropout, cfg.activation_dropout)

    def build_self_attention(self, embed_dim: int, cfg: TransformerConfig) -> Attention:
        """An attention of ours with fairseq's initial weights."""
        return Attention(
            embed_dim,
            cfg.encoder.attention_heads,
            dropout=cfg.attention_dropout,
            self_attention=True,
        )

    def forward(self, x_TBD: Tensor, encoder_padding_mask: Tensor | None) -> Tensor:
        """The layer's output; the mask is B, T and true at padding."""
        mask = padding_mask(encoder_padding_mask, x_TBD.dtype)
        x_TBD = self.residual(
            self.self_attn_layer_norm, x_TBD, lambda x: self.self_attn.attend(x, x, mask)
        )
        return self.residual(self.final_layer_norm, x_TBD, self.feed_forward)


def without_dropout(cfg: TransformerConfig) -> TransformerConfig:
    """``cfg`` with every kind of dropout off."""
    still = copy.deepcopy(cfg)
    still.dropout = still.attention_dropout = still.activation_dropout = 0.0
    return still
