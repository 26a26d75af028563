"""Synchronisation: how far apart the tokens of a sentence are, and whether they move in step.

Shapes: N + 1 depths, T tokens, D model.
"""

from __future__ import annotations

import torch
from torch import Tensor


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
