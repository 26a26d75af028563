"""LayerDrop: a stack whose updates leave out some of the layers."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from torch import nn


class Depths(nn.ModuleList):
    """Layers of a stack, bottom to top; iteration while training skips those in ``left_out``.

    fairseq's own LayerDrop list draws from torch's generator at every forward pass; here that
    generator differs between ranks.

    Source:
        Fan et al. 2019 (arXiv:1909.11556).
    """

    left_out: frozenset[int] = frozenset()

    def __iter__(self) -> Iterator[nn.Module]:
        layers = super().__iter__()
        if not (self.training and self.left_out):
            return layers
        return (layer for depth, layer in enumerate(layers) if depth not in self.left_out)

    def parameters_left_out(self) -> list[nn.Parameter]:
        """Learned parameters that only the depths in ``left_out`` use."""
        if not self.left_out:
            return []
        used = {id(parameter) for layer in self for parameter in layer.parameters()}
        learned = [p for p in self.parameters() if p.requires_grad]
        return [parameter for parameter in learned if id(parameter) not in used]


def depths_left_out(depth: int, *, chance: float, seed: int, update: int) -> frozenset[int]:
    """Depths that ``update`` leaves out, each with probability ``chance``; equal on all ranks."""
    digest = hashlib.sha256(f"layer drop/{seed}/{update}".encode()).digest()
    rng = random.Random(int.from_bytes(digest[:8]))
    return frozenset(d for d in range(depth) if rng.random() < chance)
