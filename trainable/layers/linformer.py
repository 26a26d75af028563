"""Linformer's attention: keys and values of a sentence projected to a fixed length.

Shapes: T queries, S keys, N positions, P projected positions, B batch, D model.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from trainable.layers.attention import Attention


class LengthProjection(nn.Module):
    """Learned N x P matrices that mix the positions of a sentence, for keys and for values.

    With ``shared`` one matrix serves both.
    """

    def __init__(self, length: int, n_positions: int, *, shared: bool) -> None:
        super().__init__()
        names = ("keys",) if shared else ("keys", "values")
        bound = 1 / math.sqrt(length)
        for name in names:
            drawn = torch.empty(n_positions, length).uniform_(-bound, bound)
            self.register_parameter(name, nn.Parameter(drawn))
        self._names = (names[0], names[-1])

    def forward(
        self, k_SBD: Tensor, v_SBD: Tensor, padding_BS: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Keys and values at the projected positions, each P, B, D.

        Positions count a sentence's tokens, on whichever side the padding is.
        """
        if padding_BS is None:
            padding_BS = torch.zeros(k_SBD.shape[1::-1], dtype=torch.bool, device=k_SBD.device)
        n_positions = len(getattr(self, self._names[0]))
        places_BS = ((~padding_BS).cumsum(dim=1) - 1).clamp(0, n_positions - 1)
        keys, values = (
            torch.einsum(
                "bsp,sbd->pbd",
                # An embedding's gradient is several times as fast as an index's on a CPU.
                embedding(places_BS, getattr(self, name))
                .masked_fill(padding_BS.unsqueeze(-1), 0.0)
                .to(x_SBD.dtype),
                x_SBD,
            )
            for name, x_SBD in zip(self._names, (k_SBD, v_SBD), strict=True)
        )
        return keys.contiguous(), values.contiguous()


class LinformerAttention(Attention):
    """Attention over keys and values that are projected to a fixed number of positions.

    Source:
        Wang et al. 2020 (arXiv:2006.04768), section 4; all heads share the projections.
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        *,
        length: int,
        n_positions: int,
        shared: bool,
        dropout: float,
        **options: Any,
    ) -> None:
        super().__init__(d_model, heads, dropout=dropout, **options)
        self.length_projection = LengthProjection(length, n_positions, shared=shared)

    def attend(self, x_TBD: Tensor, memory_SBD: Tensor, mask: Tensor | None) -> Tensor:
        """Attention of each position of ``x`` over those of ``memory``: T, B, D.

        ``mask`` (B, 1, 1, S) is -inf at keys to be left out, else 0.
        """
        padding_BS = None if mask is None else mask[:, 0, 0] != 0
        k_PBD, v_PBD = self.length_projection(
            self.k_proj(memory_SBD), self.v_proj(memory_SBD), padding_BS
        )
        q_TBD = self.q_proj(x_TBD)
        see = self._batched if q_TBD.device.type == "cpu" else self._fused
        out_TBD: Tensor = self.out_proj(see(q_TBD, k_PBD, v_PBD, None))
        return out_TBD


def share_projection(layers: list[nn.Module]) -> None:
    """Give all of Linformer's attentions that learn their projection the first one's."""
    learned = [
        module
        for layer in layers
        for module in layer.modules()
        if isinstance(module, LinformerAttention) and list(module.length_projection.parameters())
    ]
    for attention in learned:
        attention.length_projection = learned[0].length_projection
