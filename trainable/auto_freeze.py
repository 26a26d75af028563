"""AutoFreeze: learned encoder layers freeze from the bottom once their gradients are stable."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Freezing:
    """State of AutoFreeze at a validation, for checkpoints."""

    n_frozen: int  # frozen weight sets, which freeze in a fixed order
    norms: tuple[float, ...]  # gradient norm of each learning set at the last validation
    tokens: int  # tokens trained on until the last set froze
    flops: float  # FLOPs spent until then

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Freezing:
        return cls(**values | {"norms": tuple(values["norms"])})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class AutoFreeze:
    """Freezes an encoder's learned weight sets by the change of their gradients.

    The gradients of a set are summed from one validation to the next. A set's gradient change
    is the change of the sum's norm since the last validation, relative to the norm then. The
    lowest learning set freezes if its gradient change is below the given quantile over all
    learning sets; then the next one is compared. A set that several depths share has the
    position of the highest of them; the shared and the unshared part of a layer are separate
    sets. The last set never freezes, nor do the embeddings.

    Source:
        Liu et al. 2021 (arXiv:2102.01386), section 4.1, with the quantile 0.5.
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
        """Depths at which all learned weights are frozen; depths with reservoirs are left out."""
        frozen, learning = (
            {depth for depths in sets for depth in depths}
            for sets in (self._sets[: self.n_frozen], self._sets[self.n_frozen :])
        )
        return frozenset(frozen - learning)

    def watch(self) -> None:
        """Add up the gradients of an update; they are averaged over the ranks, not clipped yet."""
        for parameters, sums in zip(self._parameters[self.n_frozen :], self._sums, strict=True):
            for parameter, total in zip(parameters, sums, strict=True):
                if parameter.grad is not None:  # None: LayerDrop left the layer out
                    total += parameter.grad

    def n_to_freeze(self) -> int:
        """Number of sets to be frozen, by the gradients since the last call."""
        norms = self._take_norms()
        before, self.norms = self.norms, norms
        if not before:
            return self.n_frozen
        changes = [
            abs(now - then) / then if then > 0 else float("inf")
            for now, then in zip(norms, before, strict=True)
        ]
        bound = float(np.quantile(changes, self._quantile))
        n_stable = next((n for n, change in enumerate(changes) if not change < bound), len(changes))
        return self.n_frozen + n_stable

    def freeze(self, n_sets: int) -> None:
        """Freeze the first ``n_sets`` weight sets."""
        for parameters in self._parameters[self.n_frozen : n_sets]:
            for parameter in parameters:
                parameter.requires_grad_(False)
        self.norms = self.norms[n_sets - self.n_frozen :]
        self.n_frozen = n_sets
        self._start_anew()

    def _take_norms(self) -> tuple[float, ...]:
        squares = [sum(float(total.double().square().sum()) for total in s) for s in self._sums]
        for total in itertools.chain.from_iterable(self._sums):
            total.zero_()  # in their places, where a recorded update adds to them
        return tuple(square**0.5 for square in squares)

    def _start_anew(self) -> None:
        self._sums = [
            [torch.zeros_like(parameter) for parameter in parameters]
            for parameters in self._parameters[self.n_frozen :]
        ]


def _learned_sets(layers: nn.ModuleList) -> dict[tuple[int, ...], list[nn.Parameter]]:
    """Learned parameters by the depths that use them, sorted by the highest of these depths."""
    depths_of: dict[nn.Parameter, tuple[int, ...]] = {}
    for depth in range(len(layers)):
        for parameter in layers[depth].parameters():
            depths_of[parameter] = (*depths_of.get(parameter, ()), depth)
    sets: dict[tuple[int, ...], list[nn.Parameter]] = {}
    for parameter, depths in sorted(depths_of.items(), key=lambda item: max(item[1])):
        sets.setdefault(depths, []).append(parameter)
    return sets
