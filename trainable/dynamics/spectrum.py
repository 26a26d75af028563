"""The largest Lyapunov exponents, by forward-mode derivatives and QR.

Shapes: T tokens, K directions, D model, N steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from trainable.dynamics.encoder_map import Step
from trainable.dynamics.forward_mode import as_columns, as_directions, push_forward


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
