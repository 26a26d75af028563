"""All measures of one sentence on its way through an encoder.

Shapes: N steps, T tokens, K directions, D model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainable.dynamics.effective_dimension import effective_dimension
from trainable.dynamics.encoder_map import EncoderMap, trajectory
from trainable.dynamics.forward_mode import random_directions
from trainable.dynamics.spectrum import log_growths
from trainable.dynamics.state_norm import state_norm
from trainable.dynamics.token_distance import token_distance_growth
from trainable.dynamics.token_spread import offset_kept, token_spread
from trainable.dynamics.twin import twin_log_growths


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceDynamics:
    """Curves over the depth, N + 1 values from depth 0 on; NaN there where steps are measured.

    Exponents are a layer's, in natural logarithms, of distances in units of the state's
    norm; ``lyapunov``, ``lyapunov_twin``, ``spectrum`` and ``norm_growth`` are means from
    depth 0 up to where they stand.
    """

    lyapunov: Tensor  # by forward-mode derivatives
    lyapunov_twin: Tensor  # by twin trajectories, from the same first direction
    lyapunov_of_layer: Tensor  # of the one layer that ends at a depth
    lyapunov_of_pass: Tensor  # not by depth: the mean of each pass through the layers, from 1 on
    spectrum: Tensor  # N + 1, K; the largest exponents
    norm_growth: Tensor  # the exponent of the state's norm itself
    state_norm: Tensor
    token_spread: Tensor
    relative_token_spread: Tensor  # in units of the state's norm
    offset_kept: Tensor
    token_distance_growth: Tensor
    effective_dimension: Tensor


def sentence_dynamics(
    encoder: EncoderMap,
    tokens_T: Tensor,
    *,
    n_passes: int,
    n_exponents: int,
    generator: torch.Generator,
) -> tuple[SentenceDynamics, Tensor]:
    """The measures of one sentence, and its states (N + 1, T, D).

    Args:
        tokens_T: a sentence of two tokens or more, without padding.
        generator: of the first directions, which are at random over all tokens.
    """
    start, steps = encoder.start(tokens_T), encoder.steps(n_passes)
    directions = random_directions(start, n_exponents, generator)
    states = trajectory(steps, start)
    norm, spread = state_norm(states), token_spread(states)
    grown = (norm[1:] / norm[:-1]).log()
    exponents = log_growths(steps, start, directions) - grown[:, None]
    twin = twin_log_growths(steps, start, directions[:, :1]) - grown
    largest = exponents[:, 0]
    dynamics = SentenceDynamics(
        lyapunov=_from_1(mean_so_far(largest)),
        lyapunov_twin=_from_1(mean_so_far(twin)),
        lyapunov_of_layer=_from_1(largest),
        lyapunov_of_pass=_from_1(largest.view(n_passes, -1).mean(dim=1)),
        spectrum=_from_1(mean_so_far(exponents)),
        norm_growth=_from_1(mean_so_far(grown)),
        state_norm=norm,
        token_spread=spread,
        relative_token_spread=spread / norm,
        offset_kept=_from_1(offset_kept(states)),
        token_distance_growth=token_distance_growth(states),
        effective_dimension=effective_dimension(states),
    )
    return dynamics, states


def mean_so_far(values_N: Tensor) -> Tensor:
    """The mean of the first, of the first two, and so on; along the first dimension."""
    n_so_far = torch.arange(1, len(values_N) + 1, dtype=values_N.dtype)
    return values_N.cumsum(0) / n_so_far.view(-1, *[1] * (values_N.dim() - 1))


def _from_1(values_N: Tensor) -> Tensor:
    """``values_N`` with NaN before them, so that a value's place is its depth."""
    return torch.cat([torch.full_like(values_N[:1], torch.nan), values_N])
