"""The weights of a reservoir, bit-identical on every machine for one (seed, weight set).

A tensor's key picks a stream of bits (`stream.py`), and what follows is exact but for
single operations, whose rounding IEEE 754 defines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from trainable.config import Way
from trainable.reservoirs.orthogonal import draw_orthogonal
from trainable.reservoirs.stream import raw_bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrices:
    """The matrices that a reservoir's tensor holds."""

    n_stacked: int = 1  # so many of one shape, one below another along the first dimension
    xavier_scale: float = 1.0  # factor on the bound of Xavier's uniform distribution


ONE_MATRIX = Matrices()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservoirKey:
    """Which reservoir: its seed, its stack and its weight set.

    ``ordinal`` counts the weight sets of ``kind`` in order of first use, from 1, so it
    does not depend on the layers of other kinds between them.
    """

    seed: int
    stack: str  # "encoder" or "decoder"
    kind: str
    ordinal: int

    def of(self, tensor: str) -> str:
        """The key of one tensor of this reservoir."""
        return f"{self.seed}/{self.stack}/{self.kind}{self.ordinal}/{tensor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """How the matrices of all reservoirs of a model are drawn.

    ``xavier``: uniform, within Xavier's bound. ``orthogonal``: orthonormal rows or columns,
    of each matrix where a tensor stacks several. ``sparse``: as Xavier's, but each value is
    kept by a chance of ``density`` and is zero otherwise; what is kept grows so that the
    variance stays. The few values of a convolution's kernel are kept all.
    """

    way: Way
    gain: float  # factor on the matrices
    density: float  # of sparse ones

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        *,
        reservoir: ReservoirKey,
        matrices: Matrices = ONE_MATRIX,
    ) -> torch.Tensor:
        """The tensor ``name`` of a reservoir.

        Biases are zero, LayerNorm is one and zero; neither depends on the seed.
        """
        if name.endswith("layer_norm.weight"):
            return torch.ones(shape)
        if len(shape) == 1:
            return torch.zeros(shape)
        key = reservoir.of(name)
        if self.way == "orthogonal":
            return self._orthogonal(shape, key, matrices.n_stacked)
        bound = self.gain * xavier_bound(shape, matrices)
        if self.way == "sparse" and len(shape) == 2:
            kept = draw_kept(shape, density=self.density, key=f"{key}/kept")
            return kept * draw_uniform(shape, bound=bound / math.sqrt(self.density), key=key)
        return draw_uniform(shape, bound=bound, key=key)

    def _orthogonal(self, shape: tuple[int, ...], key: str, n_stacked: int) -> torch.Tensor:
        if n_stacked == 1:
            return draw_orthogonal(shape, gain=self.gain, key=key)
        one = (shape[0] // n_stacked, *shape[1:])
        return torch.cat(
            [draw_orthogonal(one, gain=self.gain, key=f"{key}/{n}") for n in range(n_stacked)]
        )


def draw_uniform(shape: tuple[int, ...], *, bound: float, key: str) -> torch.Tensor:
    """Uniform in [-bound, bound), with 24 random bits a value, drawn from ``key`` alone."""
    bits = (raw_bits(math.prod(shape), key=key) >> np.uint64(40)).astype(np.int32)
    # k of [0, 2^24) becomes 2k/2^24 - 1 in [-1, 1): a multiple of 2^-23, so exact.
    unit = (bits - 2**23).astype(np.float32) * np.float32(2.0**-23)
    return torch.from_numpy(unit * np.float32(bound)).view(shape)


def draw_kept(shape: tuple[int, ...], *, density: float, key: str) -> torch.Tensor:
    """One with a chance of ``density`` to within 2^-24, else zero, drawn from ``key`` alone."""
    bits = (raw_bits(math.prod(shape), key=key) >> np.uint64(40)).astype(np.int32)
    return torch.from_numpy((bits < round(density * 2**24)).astype(np.float32)).view(shape)


def xavier_bound(shape: tuple[int, ...], matrices: Matrices = ONE_MATRIX) -> float:
    """The bound of Xavier's uniform distribution, as fairseq initialises such a tensor.

    Where fairseq's own start is another, this one still is Xavier: the feed-forward layers
    (PyTorch's default there), and stacked matrices, one by one. A convolution counts its
    kernel's width in both fans, as PyTorch does.

    Source:
        Glorot and Bengio 2010; https://proceedings.mlr.press/v9/glorot10a.html
    """
    n_out, n_in, *kernel = shape
    n_out //= matrices.n_stacked
    fans = (n_in + n_out) * math.prod(kernel)
    return matrices.xavier_scale * math.sqrt(6.0 / fans)
