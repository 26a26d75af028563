"""An encoder as a map of the state between its layers, and the map's derivatives.

Shapes: T tokens of a sentence, B states side by side, N steps, K directions, D model.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from fairseq.models import BaseFairseqModel
from torch import Tensor

from trainable.models.encoder import ReservoirEncoder

# One step of a map, T, B, D to T, B, D; each of the B states is mapped separately.
Step = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class EncoderMap:
    """The layers of an encoder as steps of a map, and the state before the first.

    Sentences are mapped one by one, so there is no padding. The final LayerNorm of a pre-norm
    encoder is not part of the map.
    """

    encoder: ReservoirEncoder

    def start(self, tokens_T: Tensor) -> Tensor:
        """State at depth 0, the embedded sentence: T, 1, D."""
        embedded_1TD: Tensor = self.encoder.forward_embedding(tokens_T[None])[0]
        return embedded_1TD.transpose(0, 1)

    def steps(self, n_passes: int) -> list[Step]:
        """Layers in order, repeated ``n_passes`` times; one pass is the trained depth."""
        layers: list[Step] = [
            partial(layer, encoder_padding_mask=None) for layer in self.encoder.layers
        ]
        return layers * n_passes


def encoder_map(model: BaseFairseqModel) -> EncoderMap:
    """Copy of the encoder of ``model`` in float64, without dropout, on the CPU.

    On the CPU our attention is a product of matrices; torch has no forward-mode derivative of
    the fused kernel.
    """
    encoder = copy.deepcopy(model.encoder).cpu().double().eval()
    return EncoderMap(encoder.requires_grad_(False))


def trajectory(steps: Sequence[Step], start_T1D: Tensor) -> Tensor:
    """States of one sentence at depth 0 and after each of N steps: N + 1, T, D."""
    states = [start_T1D]
    for step in steps:
        states.append(step(states[-1]))
    return torch.cat(states, dim=1).transpose(0, 1)


def push_forward(step: Step, x_T1D: Tensor, directions_TKD: Tensor) -> tuple[Tensor, Tensor]:
    """Next state, T, 1, D, and the step's Jacobian times each direction, T, K, D."""
    x_TKD = x_T1D.repeat(1, directions_TKD.size(1), 1)
    next_TKD, pushed_TKD = torch.func.jvp(step, (x_TKD,), (directions_TKD,))  # type: ignore[misc]
    return next_TKD[:, :1], pushed_TKD


def random_directions(like_T1D: Tensor, n_directions: int, generator: torch.Generator) -> Tensor:
    """Random orthonormal directions: T, K, D."""
    n_tokens, _, d_model = like_T1D.shape
    drawn = torch.randn(n_tokens * d_model, n_directions, dtype=like_T1D.dtype, generator=generator)
    return as_directions(torch.linalg.qr(drawn).Q, n_tokens)


def as_columns(directions_TKD: Tensor) -> Tensor:
    """Directions T, K, D as the columns of a matrix: T * D, K."""
    return directions_TKD.transpose(1, 2).flatten(0, 1)


def as_directions(columns: Tensor, n_tokens: int) -> Tensor:
    """Columns of a matrix (T * D, K) as directions: T, K, D."""
    return columns.reshape(n_tokens, -1, columns.size(1)).transpose(1, 2)
