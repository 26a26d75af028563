"""Measures of a sentence's states: norm, spread and distance of the tokens, dimension.

Shapes: N + 1 depths, T tokens, D model.
"""

from __future__ import annotations

import torch
from torch import Tensor


def state_norm(states_NTD: Tensor) -> Tensor:
    """Root mean square of the state at each depth: N + 1.

    Post-norm layers keep it near one. Pre-norm layers each add to it, and all distances grow
    with it; later layers do not see this growth, since their input is LN(x).
    """
    return states_NTD.square().mean(dim=(1, 2)).sqrt()


def token_spread(states_NTD: Tensor) -> Tensor:
    """Standard deviation over the tokens, mean over the hidden dimensions: N + 1.

    It is zero if all tokens are in the same state: complete synchronisation.
    """
    return states_NTD.std(dim=1, correction=0).mean(dim=1)


def offset_kept(states_NTD: Tensor) -> Tensor:
    """Cosine between the tokens' offsets from their mean at a depth and at the one before: N.

    Taken over all tokens and dimensions. It is 1 if the tokens move together and keep their
    offsets (synchronisation with an offset, if the spread is not zero), and 0 if the new
    offsets are unrelated to the old ones. The size of the offsets has no effect.
    """
    offsets = (states_NTD - states_NTD.mean(dim=1, keepdim=True)).flatten(1)
    return torch.cosine_similarity(offsets[1:], offsets[:-1], dim=1, eps=0.0).nan_to_num(nan=1.0)


def token_distance_growth(states_NTD: Tensor) -> Tensor:
    """Natural log of the growth of token distances since depth 0, mean over all pairs: N + 1.

    Distances are relative to the state's norm, so the growth of a pre-norm state does not
    count. A rise followed by a fall is transient chaos; at -30 and below the tokens differ by
    rounding errors only.
    """
    n_tokens = states_NTD.size(1)
    first, second = torch.triu_indices(n_tokens, n_tokens, offset=1)
    distances = (states_NTD[:, first] - states_NTD[:, second]).norm(dim=2)
    distances = distances / state_norm(states_NTD)[:, None]
    logs = distances.clamp(min=torch.finfo(distances.dtype).tiny).log()
    growth_N: Tensor = (logs - logs[0]).mean(dim=1)
    return growth_N


def effective_dimension(states_NTD: Tensor) -> Tensor:
    """Participation ratio of the states' covariance C at each depth: N + 1.

    (sum of l)^2 / sum of l^2 over the eigenvalues l of C: 1 if the states lie on a line, at
    most min(T - 1, D). Computed without eigenvalues as tr(C)^2 / tr(C^2); X X' and X' X of
    the centred states X have equal traces.

    Source:
        Inoue et al. 2022 (arXiv:2106.03181).
    """
    centred = states_NTD - states_NTD.mean(dim=1, keepdim=True)
    products_NTT = centred @ centred.transpose(1, 2)
    traces = products_NTT.diagonal(dim1=1, dim2=2).sum(dim=1)
    # Without any spread the ratio is 0 / 0; the dimension is then zero.
    return (traces.square() / products_NTT.square().sum(dim=(1, 2))).nan_to_num(nan=0.0)
