"""The convolution reservoir, kind C.

Shapes: T source, B batch, D model.
"""

from __future__ import annotations

import torch
from fairseq.models.transformer import TransformerConfig
from fairseq.modules import LightweightConv1dTBC
from torch import nn
from torch.nn.functional import glu

from spaces.kinds import CONV_KERNEL
from trainable.reservoirs.builders import builds_reservoir
from trainable.reservoirs.residual import ResidualReservoir


class ConvolutionReservoir(ResidualReservoir):
    """A gated linear map, a lightweight convolution centred on each token, a linear map.

    The kernel is used as drawn. Wu et al. apply a softmax to it, which would make a random
    kernel nearly a mean over neighbours and remove the reservoir's gain.

    Source:
        "CNN Reservoir", Shen et al. 2021 (arXiv:2012.15045), section 2.2;
        Wu et al. 2019 (arXiv:1901.10430).
    """

    def __init__(
        self, d_model: int, *, heads: int, normalize_before: bool, dropout: float = 0.0
    ) -> None:
        super().__init__(d_model, normalize_before=normalize_before, dropout=dropout)
        self.linear_in = nn.Linear(d_model, 2 * d_model)
        self.convolution = LightweightConv1dTBC(
            d_model, kernel_size=CONV_KERNEL, padding_l=CONV_KERNEL // 2, num_heads=heads
        )
        self.linear_out = nn.Linear(d_model, d_model)

    def transform(self, x_TBD: torch.Tensor, padding_BT: torch.Tensor | None) -> torch.Tensor:
        """linear_out(convolution(glu(linear_in(x)))), T, B, D; padding enters as zeros."""
        gated_TBD = glu(self.linear_in(x_TBD), dim=-1)
        if padding_BT is not None:
            gated_TBD = gated_TBD.masked_fill(padding_BT.t().unsqueeze(-1), 0.0)
        out_TBD: torch.Tensor = self.linear_out(self.convolution(gated_TBD))
        return out_TBD


@builds_reservoir("C")
def build(cfg: TransformerConfig) -> nn.Module:
    """Convolution reservoir of the encoder's width and number of heads."""
    return ConvolutionReservoir(
        cfg.encoder.embed_dim,
        heads=cfg.encoder.attention_heads,
        normalize_before=cfg.encoder.normalize_before,
        dropout=cfg.dropout,
    )
