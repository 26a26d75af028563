"""Cached keys and values of greedy decoding, one token at a time.

Shapes: B sentences, S source and T target positions, D model, H heads, K = D / H.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from trainable.layers.attention import KeysAndValues

TokenStateT = TypeVar("TokenStateT", bound="TokenState")
Memory = tuple[KeysAndValues, Tensor | None]  # what a position attends to, and its mask


@dataclass(slots=True, kw_only=True)
class TokenState(ABC):
    """Keys and values of the source and of the target tokens so far; one entry per depth."""

    source: list[KeysAndValues]
    source_mask: Tensor | None  # B, 1, 1, S, added to the scores
    target: list[KeysAndValues]  # allocated for all T positions
    positions: Tensor  # embeddings of the target positions: T, D

    @property
    def n_sentences(self) -> int:
        return len(self.target[0].keys) // self.target[0].heads

    @abstractmethod
    def advance(self) -> Tensor:
        """Go on to the next target position; its embedding: D or 1, D."""

    @abstractmethod
    def extend(self, depth: int, added: KeysAndValues) -> Memory:
        """Keep the position's keys and values; all target positions up to it."""


@dataclass(slots=True, kw_only=True)
class GrowingState(TokenState):
    """State that is as long as the sentences so far: least work, and a new shape each token."""

    n_tokens: int = 0  # target tokens so far, of each sentence

    def advance(self) -> Tensor:
        self.n_tokens += 1
        return self.positions[self.n_tokens - 1]

    def extend(self, depth: int, added: KeysAndValues) -> Memory:
        so_far = self.target[depth].upto(self.n_tokens)
        so_far.keys[:, -1:], so_far.values[:, -1:] = added.keys, added.values
        return so_far, None

    def select(self, rows: Tensor) -> GrowingState:
        """State of the sentences with the indices ``rows``."""
        return GrowingState(
            source=[part.select(rows) for part in self.source],
            source_mask=None if self.source_mask is None else self.source_mask[rows],
            target=[part.select(rows) for part in self.target],
            positions=self.positions,
            n_tokens=self.n_tokens,
        )


@dataclass(slots=True, kw_only=True)
class FixedState(TokenState):
    """State of one shape for all tokens, with the position in a tensor: for a CUDA graph.

    Later positions are hidden by a mask. They must hold finite numbers all the same.
    """

    position: Tensor = field(init=False)  # 1; the last token's position, -1 before the first

    def __post_init__(self) -> None:
        self.position = torch.full((1,), -1, device=self.positions.device)

    def advance(self) -> Tensor:
        self.position += 1
        return self.positions.index_select(0, self.position)

    def extend(self, depth: int, added: KeysAndValues) -> Memory:
        target = self.target[depth]
        target.keys.index_copy_(1, self.position, added.keys)
        target.values.index_copy_(1, self.position, added.values)
        places_T = torch.arange(len(self.positions), device=self.position.device)
        mask_T = torch.zeros_like(places_T, dtype=target.keys.dtype)
        return target, mask_T.masked_fill(places_T > self.position, -torch.inf)[None, None, None]
