"""A reservoir module for the tests: kind M, found as though it were in `trainable/reservoirs/`.

Shapes: T source, B batch, D model.
"""

from __future__ import annotations

import torch
from fairseq.models.transformer import TransformerConfig
from torch import nn

from trainable.reservoirs.builders import builds_reservoir
from trainable.reservoirs.residual import ResidualReservoir


class MeanReservoir(ResidualReservoir):
    """Two linear maps of the mean of a sentence's tokens, the same for each token."""

    def __init__(self, d_model: int, *, normalize_before: bool) -> None:
        super().__init__(d_model, normalize_before=normalize_before)
        self.fc1 = nn.Linear(d_model, d_model)
        self.fc2 = nn.Linear(d_model, d_model)

    def transform(self, x_TBD: torch.Tensor, padding_BT: torch.Tensor | None) -> torch.Tensor:
        """fc2(relu(fc1(mean))) at every token, padding left out of the mean."""
        weights_TB1 = torch.ones_like(x_TBD[..., :1])
        if padding_BT is not None:
            weights_TB1 = weights_TB1.masked_fill(padding_BT.t().unsqueeze(-1), 0.0)
        mean_1BD = (x_TBD * weights_TB1).sum(0, keepdim=True) / weights_TB1.sum(0, keepdim=True)
        out_1BD: torch.Tensor = self.fc2(torch.relu(self.fc1(mean_1BD)))
        return out_1BD.expand_as(x_TBD)


@builds_reservoir("M")
def build(cfg: TransformerConfig) -> nn.Module:
    """A mean reservoir of the encoder's width."""
    return MeanReservoir(cfg.encoder.embed_dim, normalize_before=cfg.encoder.normalize_before)
