"""LayerNorm and residual connection of the reservoirs that are not Transformer layers.

Shapes: T source, B batch, D model.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class ResidualReservoir(nn.Module):
    """One sub-layer in a residual connection: x + f(norm(x)), or norm(x + f(x)) post-norm.

    Subclasses define f as ``transform``. There is no dropout. It is called as fairseq's
    encoder layers.
    """

    def __init__(self, d_model: int, *, normalize_before: bool) -> None:
        super().__init__()
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
            return x_TBD + self.transform(self.layer_norm(x_TBD), encoder_padding_mask)
        normed: torch.Tensor = self.layer_norm(x_TBD + self.transform(x_TBD, encoder_padding_mask))
        return normed

    def upgrade_state_dict_named(self, state_dict: dict[str, Any], name: str) -> None:
        """Leave ``state_dict`` unchanged; fairseq renames old keys here, a reservoir has none."""
