"""Lyapunov exponents of a map: the spectrum by derivatives, the largest by two trajectories.

Shapes: T tokens, K directions, D model, N steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from trainable.dynamics.encoder_map import Step, as_columns, as_directions, push_forward

# Distance of the two trajectories, relative to the state's norm: small enough to be linear and
# in float64 far above rounding errors. In float32 rounding matters already at this distance,
# and 1e-7 gives meaningless exponents.
EPSILON = 1e-6


def log_growths(steps: Sequence[Step], start_T1D: Tensor, directions_TKD: Tensor) -> Tensor:
    """Natural log of the growth of each of K directions at each step: N, K.

    The directions are kept orthonormal: Q, R = qr(J Q), and the values are ln |R_ii|. Their
    means over the steps are the K largest exponents once the directions have converged. The
    first direction is only normalised, so its values give the maximal exponent.

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
    """Natural log of the growth of the distance between two trajectories at each step: N.

    x' = x + d u, with |u| = 1 and d = ``epsilon`` |x|. Every ``rescale_every`` steps (tau)
    x' is moved back to that distance, in its current direction.

    Source:
        Inoue et al. 2022 (arXiv:2106.03181), where d is a constant, not relative to |x|.
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
