"""Measures of a sentence's states: norm, spread and distance of the tokens, dimension.

Shapes: N + 1 depths, T tokens, D model.
"""

from __future__ import annotations

import torch
from torch import Tensor


def state_norm(states_NTD: Tensor) -> Tensor:
    """N + 1: the root of the mean square over all numbers of the state.

    Post-norm layers keep it near one. With pre-norm each layer adds to it, and with it grows
    every distance: an expansion that no later layer sees, for they look at LN(x).
    """
    return states_NTD.square().mean(dim=(1, 2)).sqrt()


def token_spread(states_NTD: Tensor) -> Tensor:
    """N + 1: the mean over the hidden dimensions of the standard deviation over the tokens.

    Zero when all tokens are in one state: complete synchronisation.
    """
    return states_NTD.std(dim=1, correction=0).mean(dim=1)


def offset_kept(states_NTD: Tensor) -> Tensor:
    """N: how far the tokens' offsets from their mean are those of the depth before.

    The cosine between the two, over all tokens and dimensions: 1 when the tokens move in
    step and keep their offsets (synchronised with an offset, where the spread is not zero),
    0 when nothing of the old offsets is left. It takes no notice of the offsets' size.
    """
    offsets = (states_NTD - states_NTD.mean(dim=1, keepdim=True)).flatten(1)
    return torch.cosine_similarity(offsets[1:], offsets[:-1], dim=1, eps=0.0).nan_to_num(nan=1.0)


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


def effective_dimension(states_NTD: Tensor) -> Tensor:
    """N + 1: (sum of l)^2 / sum of l^2, over the eigenvalues l of the states' covariance.

    1 when the states lie on a line, and at most T - 1 and D. From traces, without the
    eigenvalues: tr(C)^2 / tr(C^2), and both products of the centred states have one trace.

    Source:
        the participation ratio, as Inoue et al. 2022 (arXiv:2106.03181) use it.
    """
    centred = states_NTD - states_NTD.mean(dim=1, keepdim=True)
    products_NTT = centred @ centred.transpose(1, 2)
    traces = products_NTT.diagonal(dim1=1, dim2=2).sum(dim=1)
    # Without any spread there is no dimension, and 0 / 0.
    return (traces.square() / products_NTT.square().sum(dim=(1, 2))).nan_to_num(nan=0.0)
