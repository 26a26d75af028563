"""LayerDrop: the depths of a stack, some of which an update passes over."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from torch import nn


class Depths(nn.ModuleList):
    """The layers of a stack, bottom to top; while training, those in ``left_out`` are not met.

    fairseq's own list of this kind draws from torch's generator, which differs from rank to
    rank here, at every pass.

    Source:
        Fan et al. 2019 (arXiv:1909.11556).
    """

    left_out: frozenset[int] = frozenset()

    def __iter__(self) -> Iterator[nn.Module]:
        layers = super().__iter__()
        if not (self.training and self.left_out):
            return layers
        return (layer for depth, layer in enumerate(layers) if depth not in self.left_out)

    def unmet_parameters(self) -> list[nn.Parameter]:
        """What learns at the depths left out, and at no other."""
        if not self.left_out:
            return []
        met = {id(parameter) for layer in self for parameter in layer.parameters()}
        every = [p for p in self.parameters() if p.requires_grad]
        return [parameter for parameter in every if id(parameter) not in met]


def depths_left_out(depth: int, *, chance: float, seed: int, update: int) -> frozenset[int]:
    """The depths that ``update`` passes over, each by ``chance``: the same on every rank."""
    digest = hashlib.sha256(f"layer drop/{seed}/{update}".encode()).digest()
    rng = random.Random(int.from_bytes(digest[:8]))
    return frozenset(d for d in range(depth) if rng.random() < chance)
