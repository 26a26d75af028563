"""Forward-mode derivatives of a step: what becomes of small differences.

Shapes: T tokens, K directions, D model.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainable.dynamics.encoder_map import Step


def push_forward(step: Step, x_T1D: Tensor, directions_TKD: Tensor) -> tuple[Tensor, Tensor]:
    """The next state, T, 1, D, and the step's Jacobian times each direction, T, K, D."""
    x_TKD = x_T1D.repeat(1, directions_TKD.size(1), 1)
    next_TKD, pushed_TKD = torch.func.jvp(step, (x_TKD,), (directions_TKD,))  # type: ignore[misc]
    return next_TKD[:, :1], pushed_TKD


def random_directions(like_T1D: Tensor, n_directions: int, generator: torch.Generator) -> Tensor:
    """T, K, D: directions at right angles to each other, each of length one."""
    n_tokens, _, d_model = like_T1D.shape
    drawn = torch.randn(n_tokens * d_model, n_directions, dtype=like_T1D.dtype, generator=generator)
    return as_directions(torch.linalg.qr(drawn).Q, n_tokens)


def as_columns(directions_TKD: Tensor) -> Tensor:
    """T * D, K."""
    return directions_TKD.transpose(1, 2).flatten(0, 1)


def as_directions(columns: Tensor, n_tokens: int) -> Tensor:
    """T, K, D: the other way round."""
    return columns.reshape(n_tokens, -1, columns.size(1)).transpose(1, 2)
