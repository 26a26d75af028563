"""The weights of a reservoir, bit-identical on every machine for one (seed, weight set).

A tensor's key picks a PCG64 stream; numpy guarantees that stream and its seeding across
versions (unlike its distributions), and what follows is exact in float32 but for one
product, which IEEE 754 defines. Torch's generators are never touched.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch

# fairseq scales the three input projections of attention by this (MultiheadAttention).
ATTENTION_GAIN = 1 / math.sqrt(2)
ATTENTION_INPUTS = ("q_proj.weight", "k_proj.weight", "v_proj.weight")
N_GRU_GATES = 3


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


def draw_tensor(
    name: str, shape: tuple[int, ...], *, reservoir: ReservoirKey, gain: float
) -> torch.Tensor:
    """The tensor ``name`` of a reservoir: Xavier uniform times ``gain``.

    Biases are zero, LayerNorm is one and zero; neither depends on the seed.
    """
    if name.endswith("layer_norm.weight"):
        return torch.ones(shape)
    if len(shape) == 1:
        return torch.zeros(shape)
    return draw_uniform(shape, bound=gain * xavier_bound(name, shape), key=reservoir.of(name))


def draw_uniform(shape: tuple[int, ...], *, bound: float, key: str) -> torch.Tensor:
    """Uniform in [-bound, bound), with 24 random bits a value, drawn from ``key`` alone."""
    stream = np.random.PCG64(int.from_bytes(hashlib.sha256(key.encode()).digest(), "big"))
    bits = (stream.random_raw(math.prod(shape)) >> np.uint64(40)).astype(np.int32)
    # k of [0, 2^24) becomes 2k/2^24 - 1 in [-1, 1): a multiple of 2^-23, so exact.
    unit = (bits - 2**23).astype(np.float32) * np.float32(2.0**-23)
    return torch.from_numpy(unit * np.float32(bound)).view(shape)


def xavier_bound(name: str, shape: tuple[int, ...]) -> float:
    """The bound of Xavier's uniform distribution, as fairseq initialises such a tensor.

    Where fairseq's own start is another, this one still is Xavier: the feed-forward layers
    (PyTorch's default there), and the GRU, gate by gate (PyTorch stacks the three).
    A convolution counts its kernel's width in both fans, as PyTorch does.

    Source:
        Glorot and Bengio 2010; https://proceedings.mlr.press/v9/glorot10a.html
    """
    n_out, n_in, *kernel = shape
    if ".weight_ih_" in name or ".weight_hh_" in name:
        n_out //= N_GRU_GATES
    fans = (n_in + n_out) * math.prod(kernel)
    scale = ATTENTION_GAIN if name.endswith(ATTENTION_INPUTS) else 1.0
    return scale * math.sqrt(6.0 / fans)
