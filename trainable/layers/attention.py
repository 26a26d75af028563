"""fairseq's multi-head attention with fewer operations and copies.

Shapes: T queries, S keys, B batch, D model, H heads, K = D / H.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from fairseq.modules import MultiheadAttention
from torch import Tensor
from torch.nn import functional

from trainable.layers.dropout import Dropout


@dataclass(frozen=True, slots=True)
class KeysAndValues:
    """Keys and values of the positions of each sentence, each B * H, S, K."""

    keys: Tensor
    values: Tensor
    heads: int

    def zeros(self, n_positions: int) -> KeysAndValues:
        """Zeros for ``n_positions`` positions of the same sentences."""
        shape = (len(self.keys), n_positions, self.keys.size(2))
        return KeysAndValues(
            self.keys.new_zeros(shape), self.values.new_zeros(shape), heads=self.heads
        )

    def select(self, rows: Tensor) -> KeysAndValues:
        """Keys and values of the sentences with the indices ``rows``."""
        keys, values = (
            x.view(-1, self.heads, *x.shape[1:])[rows].flatten(0, 1)
            for x in (self.keys, self.values)
        )
        return KeysAndValues(keys, values, heads=self.heads)

    def upto(self, n_positions: int) -> KeysAndValues:
        """Keys and values of the first ``n_positions`` positions, as views."""
        return KeysAndValues(
            self.keys[:, :n_positions], self.values[:, :n_positions], heads=self.heads
        )


class Attention(MultiheadAttention):  # type: ignore[misc]
    """fairseq's attention, with the same parameters and a faster forward pass.

    ``attend`` serves whole sentences, ``attend_next`` greedy decoding. ``forward``, which
    fairseq's beam search uses, is fairseq's own.
    """

    def __init__(self, d_model: int, heads: int, *, dropout: float, **options: Any) -> None:
        super().__init__(d_model, heads, dropout=dropout, **options)
        self.dropout_module = Dropout(dropout)

    def attend(self, x_TBD: Tensor, memory_SBD: Tensor, mask: Tensor | None) -> Tensor:
        """Attention of each position of ``x`` over those of ``memory``: T, B, D.

        ``mask`` is added to the scores; it is broadcast to B, H, T, S.
        """
        q_TBD, k_SBD, v_SBD = self.q_proj(x_TBD), self.k_proj(memory_SBD), self.v_proj(memory_SBD)
        see = self._batched if q_TBD.device.type == "cpu" else self._fused
        seen_TBD = see(q_TBD, k_SBD, v_SBD, mask)
        out_TBD: Tensor = self.out_proj(seen_TBD)
        return out_TBD

    def keys_and_values(self, memory_SBD: Tensor) -> KeysAndValues:
        """Keys and values of all positions of ``memory``, for ``attend_next``."""
        k, v = (self._heads(project(memory_SBD)) for project in (self.k_proj, self.v_proj))
        return KeysAndValues(k, v, heads=self.num_heads)

    def attend_next(self, x_BD: Tensor, memory: KeysAndValues, mask: Tensor | None) -> Tensor:
        """Attention of one position of each sentence over ``memory``: B, D.

        ``mask`` (B, 1, 1, S) is added to the scores.
        """
        q = (self.q_proj(x_BD) * self.scaling).view(-1, 1, self.head_dim)  # B * H, 1, K
        seen_BD = self._seen(q, memory, mask).view(x_BD.shape)
        out_BD: Tensor = self.out_proj(seen_BD)
        return out_BD

    def _batched(self, q_TBD: Tensor, k_SBD: Tensor, v_SBD: Tensor, mask: Tensor | None) -> Tensor:
        """Attention by batched products of views; for sentences twice as fast as the fused kernel.

        The three projections are separate to avoid copies: only then batch and heads are one
        dimension in memory.
        """
        q, k, v = (self._heads(x) for x in (q_TBD * self.scaling, k_SBD, v_SBD))  # B * H, …, K
        seen = self._seen(q, KeysAndValues(k, v, heads=self.num_heads), mask)
        return seen.transpose(0, 1).reshape(q_TBD.shape)

    def _seen(self, q: Tensor, memory: KeysAndValues, mask: Tensor | None) -> Tensor:
        """Attention of the scaled queries ``q`` (B * H, T, K) over ``memory``: B * H, T, K."""
        scores = torch.bmm(q, memory.keys.transpose(1, 2))
        if mask is not None:
            shape = scores.shape
            by_head = scores.view(-1, self.num_heads, *shape[1:])
            scores = by_head.add(mask).view(shape)
        return torch.bmm(self.dropout_module(torch.softmax(scores, dim=-1)), memory.values)

    def _heads(self, x_TBD: Tensor) -> Tensor:
        """View of a T, B, D tensor as B * H, T, K."""
        return x_TBD.view(x_TBD.size(0), -1, self.head_dim).transpose(0, 1)

    def _fused(self, q_TBD: Tensor, k_SBD: Tensor, v_SBD: Tensor, mask: Tensor | None) -> Tensor:
        """Attention by torch's fused kernel, which does not store the scores."""
        q, k, v = (
            x.view(*x.shape[:2], self.num_heads, -1).permute(1, 2, 0, 3)
            for x in (q_TBD, k_SBD, v_SBD)
        )
        dropout = self.dropout_module
        rate = dropout.p if dropout.training else 0.0
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=rate)
        return seen.permute(2, 0, 1, 3).flatten(2)


def padding_mask(padding_BS: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """Mask added to the scores so that no query attends to padding: B, 1, 1, S."""
    if padding_BS is None:
        return None
    mask = torch.zeros(padding_BS.shape, dtype=dtype, device=padding_BS.device)
    return mask.masked_fill_(padding_BS, float("-inf"))[:, None, None, :]


def future_mask(n_positions: int, like: Tensor) -> Tensor:
    """Causal mask added to the scores: 1, 1, T, T."""
    mask = torch.full(
        (n_positions, n_positions), float("-inf"), dtype=like.dtype, device=like.device
    )
    return mask.triu_(1)[None, None]
