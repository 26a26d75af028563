"""Random weights of a reservoir, bit-identical on every machine for one (seed, weight set).

A tensor's key selects a stream of random bits (`stream.py`). All further operations are exact
or rounded as IEEE 754 defines.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch

from trainable.config import ReservoirDraw
from trainable.reservoirs.orthogonal import draw_orthogonal
from trainable.reservoirs.stream import raw_bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrices:
    """Matrices in one tensor of a reservoir."""

    n_stacked: int = 1  # matrices of one shape, stacked along the first dimension
    xavier_scale: float = 1.0  # factor on the bound of Xavier's uniform distribution


ONE_MATRIX = Matrices()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservoirKey:
    """Identity of a reservoir: its seed, its stack and its weight set.

    ``ordinal`` numbers the weight sets of ``kind`` from 1 in order of first use, so it does
    not depend on layers of other kinds between them.
    """

    seed: int
    stack: str  # "encoder" or "decoder"
    kind: str
    ordinal: int

    def of(self, tensor: str) -> str:
        """Key of the tensor named ``tensor``, from which its random bits are drawn."""
        return f"{self.seed}/{self.stack}/{self.kind}{self.ordinal}/{tensor}"

    @property
    def torch_seed(self) -> int:
        """Seed of torch's generator for the initialisation of such a layer by fairseq."""
        return int.from_bytes(hashlib.sha256(self.of("initial").encode()).digest()[:4])


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Distribution of the matrices of a model's reservoirs.

    ``xavier``: uniform, within Xavier's bound. ``fairseq``: the initial weights of such a layer
    in fairseq, biases included, as the seed paper freezes them (Shen et al. 2021, section 3.1);
    these are of torch's generator, seeded with the reservoir's key. ``orthogonal``: orthonormal
    rows or columns, for each matrix if a tensor stacks several. ``sparse``: as
    Xavier's, but each value is kept with probability ``density`` and is zero otherwise; kept
    values are scaled up so that the variance stays the same. A convolution's kernel, which has
    few values, stays dense.
    """

    way: ReservoirDraw
    gain: float  # factor on the matrices
    density: float  # of sparse matrices: probability that a value is kept

    def tensor(
        self,
        name: str,
        initial: torch.Tensor,
        *,
        reservoir: ReservoirKey,
        matrices: Matrices = ONE_MATRIX,
    ) -> torch.Tensor:
        """Random tensor ``name`` of a reservoir, float32 on the CPU, in the shape of ``initial``.

        Biases are zero, LayerNorm's weights are one; neither depends on the seed, but for
        biases that fairseq draws.

        Args:
            initial: fairseq's initial value; only its shape counts but for ``fairseq``.
        """
        shape = tuple(initial.shape)
        if self.way == "fairseq":
            return initial.detach() * (self.gain if len(shape) > 1 else 1.0)
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
    """Tensor with values uniform in [-bound, bound), 24 random bits each, from ``key`` alone."""
    bits = (raw_bits(math.prod(shape), key=key) >> np.uint64(40)).astype(np.int32)
    # Maps k in [0, 2^24) to 2k/2^24 - 1 in [-1, 1), a multiple of 2^-23 and therefore exact.
    unit = (bits - 2**23).astype(np.float32) * np.float32(2.0**-23)
    return torch.from_numpy(unit * np.float32(bound)).view(shape)


def draw_kept(shape: tuple[int, ...], *, density: float, key: str) -> torch.Tensor:
    """Random 0/1 mask with ones of probability ``density`` (to within 2^-24), from ``key``."""
    bits = (raw_bits(math.prod(shape), key=key) >> np.uint64(40)).astype(np.int32)
    return torch.from_numpy((bits < round(density * 2**24)).astype(np.float32)).view(shape)


def xavier_bound(shape: tuple[int, ...], matrices: Matrices = ONE_MATRIX) -> float:
    """Bound of Xavier's uniform distribution, as fairseq initialises such a tensor.

    Two kinds of tensors are Xavier here and not in fairseq: feed-forward layers (PyTorch's
    default there) and stacked matrices (one by one here). A convolution's two fans include
    the kernel's width, as in PyTorch.

    Source:
        Glorot and Bengio 2010; https://proceedings.mlr.press/v9/glorot10a.html
    """
    n_out, n_in, *kernel = shape
    n_out //= matrices.n_stacked
    fans = (n_in + n_out) * math.prod(kernel)
    return matrices.xavier_scale * math.sqrt(6.0 / fans)
