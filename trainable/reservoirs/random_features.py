"""Random vectors of a Performer's attention, bit-identical on every machine for one key."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from trainable.layers.performer import PerformerAttention
from trainable.reservoirs.orthogonal import draw_normal, draw_orthogonal

_DEVIATION = 2.0 * 65536  # standard deviation of draw_normal's values


def draw_features(n_features: int, width: int, *, key: str) -> torch.Tensor:
    """Random vectors as rows, n_features x width: orthogonal by ``width``, as long as normal ones.

    Source:
        Choromanski et al. 2020 (arXiv:2009.14794), section 2.4.
    """
    n_blocks = -(-n_features // width)
    blocks = [draw_orthogonal((width, width), gain=1.0, key=f"{key}/{n}") for n in range(n_blocks)]
    normal = draw_normal(n_features * width, key=f"{key}/lengths").reshape(n_features, width)
    lengths = np.sqrt(np.add.reduce((normal / _DEVIATION).T ** 2, axis=0)).astype(np.float32)
    return torch.cat(blocks)[:n_features] * torch.from_numpy(lengths)[:, None]


def draw_all_features(layers: list[nn.Module], *, seed: int) -> None:
    """Draw the vectors of every Performer's attention, numbered in order of first use."""
    distinct = dict.fromkeys(
        module.features
        for layer in layers
        for module in layer.modules()
        if isinstance(module, PerformerAttention)
    )
    for ordinal, features in enumerate(distinct, start=1):
        key = f"{seed}/encoder/features{ordinal}"
        features.copy_(draw_features(len(features), features.size(1), key=key))
