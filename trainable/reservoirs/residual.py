"""LayerNorm and residual connection of the reservoirs that are not Transformer layers.

Shapes: T source, B batch, D model.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from trainable.layers.dropout import Dropout


class ResidualReservoir(nn.Module):
    """One sub-layer in a residual connection: x + drop(f(norm(x))), or norm(x + drop(f(x))).

    Subclasses define f as ``transform``. It is called as fairseq's encoder layers.
    """

    def __init__(self, d_model: int, *, normalize_before: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout_module = Dropout(dropout)
        self.normalize_before = normalize_before
        self.layer_norm = nn.LayerNorm(d_model)

    def transform(self, x_TBD: torch.Tensor, padding_BT: torch.Tensor | None) -> torch.Tensor:
        """Map of the reservoir, T, B, D; ``padding_BT`` is true at padding, None without any."""
        raise NotImplementedError

    def forward(
        self, x_TBD: torch.Tensor, encoder_padding_mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Output of the layer, T, B, D."""
        if self.normalize_before:
            added = self.transform(self.layer_norm(x_TBD), encoder_padding_mask)
            return self.dropout_module.add(x_TBD, added)
        summed = self.dropout_module.add(x_TBD, self.transform(x_TBD, encoder_padding_mask))
        normed: torch.Tensor = self.layer_norm(summed)
        return normed

    def upgrade_state_dict_named(self, state_dict: dict[str, Any], name: str) -> None:
        """Leave ``state_dict`` unchanged; fairseq renames old keys here, a reservoir has none."""
