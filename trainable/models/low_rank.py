"""Low-rank differences between the uses of a shared layer.

Source:
    "Relaxed recursive Transformers", Bae et al. 2024 (arXiv:2410.20672), section 2.3; the
    matrices are LoRA's (Hu et al. 2021, arXiv:2106.09685), without a factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from trainable.reservoirs.draw import draw_uniform


class LowRankLinear(nn.Module):
    """A shared linear map plus up · down, matrices of ``rank`` columns and rows of its own.

    ``up`` is zero at the start, so the sum starts as the shared map.
    """

    def __init__(self, shared: nn.Linear, *, rank: int, key: str) -> None:
        super().__init__()
        n_out, n_in = shared.weight.shape
        self.shared = shared
        self.down = nn.Parameter(draw_uniform((rank, n_in), bound=1 / math.sqrt(n_in), key=key))
        self.up = nn.Parameter(torch.zeros(n_out, rank))

    @property
    def weight(self) -> Tensor:
        """Matrix of the sum, which fairseq's own attention reads."""
        return self.shared.weight + self.up @ self.down

    @property
    def bias(self) -> Tensor:
        return self.shared.bias

    def forward(self, x: Tensor) -> Tensor:
        """Sum of the shared map and the difference at ``x``, whose last dimension they map."""
        out: Tensor = self.shared(x) + linear(linear(x, self.down), self.up)
        return out


def with_differences(
    layer: nn.Module, fresh: nn.Module, *, modules: Sequence[str], rank: int, key: str
) -> nn.Module:
    """``fresh`` with the modules of ``layer``, and differences in its shared linear maps.

    Args:
        layer: a layer that shares all of its weights or a part of them.
        fresh: a new layer of the same kind, whose weights are not used.
        modules: names of the shared modules whose linear maps get a difference.
        rank: the differences' rank.
        key: prefix of the keys from which ``down`` is drawn.
    """
    for name, module in list(layer.named_modules()):
        if name.partition(".")[0] in modules and isinstance(module, nn.Linear):
            differing = LowRankLinear(module, rank=rank, key=f"{key}/{name}")
            fresh.set_submodule(name, differing)
        elif list(module.parameters(recurse=False)):
            fresh.set_submodule(name, module)
    for name, buffer in layer.named_buffers():  # a Performer's random features
        path, _, leaf = name.rpartition(".")
        fresh.get_submodule(path).register_buffer(leaf, buffer, persistent=False)
    return fresh
