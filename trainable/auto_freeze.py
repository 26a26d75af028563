"""AutoFreeze: learned encoder layers that stop to learn, from the bottom, once settled."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Freezing:
    """How far it has come at a validation: all that a later process needs to go on."""

    n_frozen: int  # weight sets, in the order in which they freeze
    norms: tuple[float, ...]  # of the gradients before, one for each set that learns
    tokens: int  # trained on when the last of them froze
    flops: float  # spent until then

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Freezing:
        return cls(**values | {"norms": tuple(values["norms"])})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class AutoFreeze:
    """Watches the gradients of the learned weight sets of an encoder, and freezes those.

    From one validation to the next the gradients of a set add up. How much their norm has
    changed since the time before, as a share of it, is the set's unrest. The lowest set
    freezes if its unrest lies below the given quantile of all that learn; then the next. A
    set that several depths share waits for what lies below the last of them; what a depth
    shares and what it has alone are sets of their own. One set is always left to learn, and so
    are the embeddings.

    Source:
        Liu et al. 2021 (arXiv:2102.01386), section 4.1, whose quantile is 0.5.
    """

    def __init__(self, layers: nn.ModuleList, *, quantile: float) -> None:
        self._quantile = quantile
        sets = _learned_sets(layers)
        self._sets = list(sets)
        self._parameters = list(sets.values())
        self._sums: list[list[Tensor]] = []
        self.n_frozen = 0
        self.norms: tuple[float, ...] = ()
        self._start_anew()

    @property
    def depths(self) -> frozenset[int]:
        """Where nothing learns any more, reservoirs apart."""
        frozen, learning = (
            {depth for depths in sets for depth in depths}
            for sets in (self._sets[: self.n_frozen], self._sets[self.n_frozen :])
        )
        return frozenset(frozen - learning)

    def watch(self) -> None:
        """Add the gradients of an update, averaged over the ranks and not yet clipped."""
        for parameters, sums in zip(self._parameters[self.n_frozen :], self._sums, strict=True):
            for parameter, total in zip(parameters, sums, strict=True):
                if parameter.grad is not None:  # as of a layer passed over
                    total += parameter.grad

    def n_settled(self) -> int:
        """How many sets are to be frozen, by what was watched since the last time."""
        norms = self._take_norms()
        before, self.norms = self.norms, norms
        if not before:
            return self.n_frozen
        unrest = [
            abs(now - then) / then if then > 0 else float("inf")
            for now, then in zip(norms, before, strict=True)
        ]
        bound = float(np.quantile(unrest, self._quantile))
        n_calm = next((n for n, value in enumerate(unrest) if not value < bound), len(unrest))
        return self.n_frozen + n_calm

    def freeze(self, n_sets: int) -> None:
        """Have the first ``n_sets`` learn no more."""
        for parameters in self._parameters[self.n_frozen : n_sets]:
            for parameter in parameters:
                parameter.requires_grad_(False)
        self.norms = self.norms[n_sets - self.n_frozen :]
        self.n_frozen = n_sets
        self._start_anew()

    def _take_norms(self) -> tuple[float, ...]:
        squares = [sum(float(total.double().square().sum()) for total in s) for s in self._sums]
        self._start_anew()
        return tuple(square**0.5 for square in squares)

    def _start_anew(self) -> None:
        self._sums = [
            [torch.zeros_like(parameter) for parameter in parameters]
            for parameters in self._parameters[self.n_frozen :]
        ]


def _learned_sets(layers: nn.ModuleList) -> dict[tuple[int, ...], list[nn.Parameter]]:
    """What learns, by the depths that have it, in the order of the highest of them."""
    depths_of: dict[nn.Parameter, tuple[int, ...]] = {}
    for depth in range(len(layers)):
        for parameter in layers[depth].parameters():
            depths_of[parameter] = (*depths_of.get(parameter, ()), depth)
    sets: dict[tuple[int, ...], list[nn.Parameter]] = {}
    for parameter, depths in sorted(depths_of.items(), key=lambda item: max(item[1])):
        sets.setdefault(depths, []).append(parameter)
    return sets
