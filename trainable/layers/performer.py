"""Performer's attention, FAVOR+: its work grows with the length, not with the length's square.

Shapes: T queries, S keys, B batch, D model, H heads, K = D / H, M features.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from trainable.layers.attention import Attention


class PerformerAttention(Attention):
    """Attention by positive random features, whose mean is softmax's.

    A key and a query meet in exp(q k), the mean over random vectors w of
    exp(w q - q q / 2) exp(w k - k k / 2): so keys and values are summed once for all queries.
    The vectors are drawn for each attention from the model's seed, once, and are the same in all
    heads. There is no dropout of attention weights, for they are never computed.

    Source:
        Choromanski et al. 2020 (arXiv:2009.14794), lemma 1 and section 2.4.
    """

    features: Tensor  # M, K

    def __init__(
        self, d_model: int, heads: int, *, n_features: int, dropout: float, **options: Any
    ) -> None:
        super().__init__(d_model, heads, dropout=dropout, **options)
        self.register_buffer("features", torch.zeros(n_features, self.head_dim), persistent=False)

    def attend(self, x_TBD: Tensor, memory_SBD: Tensor, mask: Tensor | None) -> Tensor:
        """Attention of each position of ``x`` over those of ``memory``: T, B, D.

        ``mask`` (B, 1, 1, S) is -inf at keys to be left out, else 0.
        """
        q, k, v = (
            project(x).unflatten(-1, (self.num_heads, -1)).permute(1, 2, 0, 3)
            for project, x in (
                (self.q_proj, x_TBD),
                (self.k_proj, memory_SBD),
                (self.v_proj, memory_SBD),
            )
        )  # B, H, T or S, K
        q_BHTM, k_BHSM = self._exponents(q), self._exponents(k)
        if mask is not None:
            k_BHSM = k_BHSM + mask.transpose(2, 3)
        # The greatest factors cancel out in the quotient; without them exp could overflow.
        q_BHTM = torch.exp(q_BHTM - q_BHTM.amax(dim=3, keepdim=True).detach())
        k_BHSM = torch.exp(k_BHSM - k_BHSM.amax(dim=(2, 3), keepdim=True).detach())
        sums_BHMK = k_BHSM.transpose(2, 3) @ v.to(k_BHSM.dtype)
        weights_BHT1 = q_BHTM @ k_BHSM.sum(dim=2).unsqueeze(-1)
        seen = (q_BHTM @ sums_BHMK) / weights_BHT1.clamp(min=1e-20)
        out_TBD: Tensor = self.out_proj(seen.permute(2, 0, 1, 3).flatten(2).to(v.dtype))
        return out_TBD

    def _exponents(self, x: Tensor) -> Tensor:
        """Exponent w x - x x / 2 of each feature w, float32 at least; ``x`` scaled as softmax's.

        Mixed precision would round the products to bfloat16: exp of 20 is then 6 % off.
        """
        scaled = x.to(torch.promote_types(x.dtype, torch.float32)) * self.head_dim**-0.25
        with torch.autocast(x.device.type, enabled=False):
            products = scaled @ self.features.to(scaled.dtype).T
        exponents: Tensor = products - scaled.square().sum(dim=-1, keepdim=True) / 2
        return exponents
