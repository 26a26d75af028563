"""Distance growth between the tokens of a sentence.

Shapes: N + 1 depths, T tokens, D model.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainable.dynamics.state_norm import state_norm


def token_distance_growth(states_NTD: Tensor) -> Tensor:
    """N + 1: ln of how much farther apart two tokens are than at depth 0, mean over all pairs.

    Distances are in units of the state's norm, so the growth of a pre-norm state is no
    growth of theirs. Rising and then falling, it shows transient chaos; at -30 and below
    the tokens differ by rounding alone.
    """
    n_tokens = states_NTD.size(1)
    first, second = torch.triu_indices(n_tokens, n_tokens, offset=1)
    distances = (states_NTD[:, first] - states_NTD[:, second]).norm(dim=2)
    distances = distances / state_norm(states_NTD)[:, None]
    logs = distances.clamp(min=torch.finfo(distances.dtype).tiny).log()
    growth_N: Tensor = (logs - logs[0]).mean(dim=1)
    return growth_N
