"""The measured rate of a device's matrix products: the physical limit of a training."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from benchmarks.machine import N_THREADS
from benchmarks.models import Size
from spaces.dimensions import Dimensions
from trainable.loss import CHUNK

N_REPEATS = 8  # the fastest counts: a limit is what the device can do
SQUARE = {"cpu": 2048, "cuda": 8192}
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """FLOP/s of matrix products alone."""

    in_use: float  # rate in the shapes of a Transformer's update, forward and backward
    square: float

    @classmethod
    def highest(cls, measured: Sequence[Limits]) -> Limits:
        """Highest rate seen: the device may have had other work in the slower turns."""
        return cls(
            in_use=max(limits.in_use for limits in measured),
            square=max(limits.square for limits in measured),
        )


def measure_limits(size: Size, dims: Dimensions, *, depth: int, n_tokens: int) -> Limits:
    """The rates for a model of ``depth`` layers over both stacks, on ``size``'s device."""
    torch.set_num_threads(N_THREADS)
    device, dtype = size.device, _DTYPES[size.precision]
    flops = seconds = 0.0
    for product, count in _products(dims, depth, n_tokens).items():
        flops += count * 3 * product.flops  # forward, and the gradient of each
        passes = _passes(product, device, dtype)
        seconds += count * sum(_fastest(work, device) for work in passes)
    side = SQUARE[device.type]
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return Limits(in_use=flops / seconds, square=2.0 * side**3 / _fastest(lambda: a @ b, device))


@dataclass(frozen=True, slots=True)
class _Product:
    """Rows of ``n_in`` values times a weight."""

    n_rows: int
    n_in: int
    n_out: int

    @property
    def flops(self) -> float:
        return 2.0 * self.n_rows * self.n_in * self.n_out


def _products(dims: Dimensions, depth: int, n_tokens: int) -> dict[_Product, float]:
    """Number of each product in a forward pass, attention to the encoder left out.

    The projection to the vocabulary goes in chunks, as in ``trainable/loss.py``.
    """
    d, ffn = dims.d_model, dims.ffn
    n_chunk = min(n_tokens, max(1, CHUNK // dims.tgt_rows))
    return {
        _Product(n_tokens, d, d): 4 * depth,
        _Product(n_tokens, d, ffn): depth,
        _Product(n_tokens, ffn, d): depth,
        _Product(n_chunk, d, dims.tgt_rows): n_tokens / n_chunk,
    }


def _passes(
    product: _Product, device: torch.device, dtype: torch.dtype
) -> list[Callable[[], torch.Tensor]]:
    """Forward, gradient of the input, gradient of the weight."""
    x = torch.randn(product.n_rows, product.n_in, device=device, dtype=dtype)
    y = torch.randn(product.n_rows, product.n_out, device=device, dtype=dtype)
    weight = torch.randn(product.n_out, product.n_in, device=device, dtype=dtype)
    return [lambda: x @ weight.T, lambda: y @ weight, lambda: y.T @ x]


def _fastest(work: Callable[[], torch.Tensor], device: torch.device) -> float:
    """Seconds of the fastest of some repeats."""
    times = []
    for _ in range(N_REPEATS):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times)
