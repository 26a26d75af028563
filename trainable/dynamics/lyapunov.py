"""Lyapunov exponents of a map: a spectrum by derivatives, the largest by twin trajectories.

Shapes: T tokens, K directions, D model, N steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from trainable.dynamics.encoder_map import Step, as_columns, as_directions, push_forward

# Of the state's own length: small against the curvature, and in float64 far above rounding.
# In float32 this is where rounding begins to tell, and 1e-7 gives nonsense.
EPSILON = 1e-6


def log_growths(steps: Sequence[Step], start_T1D: Tensor, directions_TKD: Tensor) -> Tensor:
    """N, K: how much each step stretches each of K directions, as a natural logarithm.

    The directions are kept at right angles: Q, R = qr(J Q), and the values are ln |R_ii|.
    Their means over the steps are the K largest exponents once the directions have settled.
    The first direction is only kept at length one, so its values are those of one tangent
    by itself: the maximal exponent.

    Source:
        Benettin et al. 1980, Meccanica 15; Eckmann and Ruelle 1985, Rev. Mod. Phys. 57.
    """
    n_tokens = start_T1D.size(0)
    x, directions, growths = start_T1D, directions_TKD, []
    for step in steps:
        x, pushed = push_forward(step, x, directions)
        factors = torch.linalg.qr(as_columns(pushed))
        directions = as_directions(factors.Q, n_tokens)
        growths.append(factors.R.diagonal().abs().log())
    return torch.stack(growths)


def twin_log_growths(
    steps: Sequence[Step],
    start_T1D: Tensor,
    direction_T1D: Tensor,
    *,
    epsilon: float = EPSILON,
    rescale_every: int = 1,
) -> Tensor:
    """N: how much each step stretches the distance of two states, as a natural logarithm.

    x' = x + d u, with |u| = 1 and d = ``epsilon`` |x|. Every ``rescale_every`` steps (tau)
    the twin is brought back to that distance, in the direction it then has.

    Source:
        Inoue et al. 2022 (arXiv:2106.03181), whose d is a number and not in units of |x|.
    """
    x, difference = start_T1D, direction_T1D
    growths: list[Tensor] = []
    for number, step in enumerate(steps):
        if number % rescale_every == 0:
            difference = difference * (epsilon * x.norm() / difference.norm())
        before = difference.norm()
        pair_T2D = step(torch.cat([x, x + difference], dim=1))
        x, difference = pair_T2D[:, :1], pair_T2D[:, 1:] - pair_T2D[:, :1]
        growths.append((difference.norm() / before).log())
    return torch.stack(growths)
