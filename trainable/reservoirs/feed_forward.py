"""The feed-forward reservoir, kind F.

Shapes: T source, B batch, D model.
"""

from __future__ import annotations

import torch
from fairseq.models.transformer import TransformerConfig
from torch import nn

from trainable.layers.dropout import Dropout
from trainable.reservoirs.builders import builds_reservoir
from trainable.reservoirs.residual import ResidualReservoir


class FeedForwardReservoir(ResidualReservoir):
    """Two linear maps with a ReLU between, applied to each position separately.

    Source:
        "FFN Reservoir", Shen et al. 2021 (arXiv:2012.15045), section 2.2.
    """

    def __init__(
        self,
        d_model: int,
        *,
        ffn: int,
        normalize_before: bool,
        dropout: float = 0.0,
        activation_dropout: float = 0.0,
    ) -> None:
        super().__init__(d_model, normalize_before=normalize_before, dropout=dropout)
        self.activation_dropout_module = Dropout(activation_dropout)
        self.fc1 = nn.Linear(d_model, ffn)
        self.fc2 = nn.Linear(ffn, d_model)

    def transform(
        self,
        x_TBD: torch.Tensor,
        padding_BT: torch.Tensor | None,
    ) -> torch.Tensor:
        """fc2(dropout(relu(fc1(x)))), T, B, D."""
        hidden = self.activation_dropout_module(torch.relu(self.fc1(x_TBD)))
        out: torch.Tensor = self.fc2(hidden)
        return out


@builds_reservoir("F")
def build(cfg: TransformerConfig) -> nn.Module:
    """Feed-forward reservoir of the encoder's widths."""
    return FeedForwardReservoir(
        cfg.encoder.embed_dim,
        ffn=cfg.encoder.ffn_embed_dim,
        normalize_before=cfg.encoder.normalize_before,
        dropout=cfg.dropout,
        activation_dropout=cfg.activation_dropout,
    )
