"""The measured rate of a device's matrix products: the physical limit of a training."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks.machine import N_THREADS
from benchmarks.models import Size
from spaces.dimensions import Dimensions

N_REPEATS = 8  # of which the fastest counts: a limit is what the device can do
SQUARE = {"cpu": 2048, "cuda": 8192}
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """FLOP/s of matrix products alone."""

    in_use: float  # in the shapes of a Transformer's update, forward and backward
    square: float


def measure_limits(size: Size, dims: Dimensions, *, depth: int, n_tokens: int) -> Limits:
    """The rates for a model of ``depth`` layers over both stacks, on ``size``'s device."""
    torch.set_num_threads(N_THREADS)
    device, dtype = size.device, _DTYPES[size.precision]
    flops = seconds = 0.0
    for (n_in, n_out), count in _products(dims, depth).items():
        flops += count * 3 * 2.0 * n_tokens * n_in * n_out  # forward, and the gradient of each
        seconds += count * sum(
            _fastest(product, device) for product in _passes(n_tokens, n_in, n_out, device, dtype)
        )
    side = SQUARE[device.type]
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return Limits(in_use=flops / seconds, square=2.0 * side**3 / _fastest(lambda: a @ b, device))


def _products(dims: Dimensions, depth: int) -> dict[tuple[int, int], int]:
    """How often each shape occurs in a forward pass, attention to the encoder left out."""
    d, ffn = dims.d_model, dims.ffn
    return {(d, d): 4 * depth, (d, ffn): depth, (ffn, d): depth, (d, dims.tgt_rows): 1}


def _passes(
    n_tokens: int, n_in: int, n_out: int, device: torch.device, dtype: torch.dtype
) -> list[Callable[[], torch.Tensor]]:
    """Forward, gradient of the input, gradient of the weight."""
    x = torch.randn(n_tokens, n_in, device=device, dtype=dtype)
    y = torch.randn(n_tokens, n_out, device=device, dtype=dtype)
    weight = torch.randn(n_out, n_in, device=device, dtype=dtype)
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
