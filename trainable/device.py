"""Which device a rank trains on, in which precision, and how tensors come there."""

from __future__ import annotations

import contextlib
from typing import Literal

import torch
from torch import Tensor


def training_device(gpus_per_rank: float) -> torch.device:
    """CUDA's current device where the rank was given (a part of) a GPU, the CPU otherwise."""
    if gpus_per_rank > 0:
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host's on ``device``; neither waits for a copy to a GPU."""
    if device.type == "cuda":
        tensor = tensor.pin_memory()  # a GPU copies from other memory only while the host waits
    return tensor.to(device, non_blocking=True)


def autocast_dtype(
    precision: Literal["auto", "fp32", "bf16"], device: torch.device
) -> torch.dtype | None:
    """The compute type of forward passes; None where they stay in fp32.

    ``auto`` takes bf16 where the device is fast at it: CUDA from compute capability 8.0,
    CPUs with AMX tiles.
    """
    if precision == "fp32":
        return None
    if precision == "bf16":
        return torch.bfloat16
    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        fast = bool(torch.cpu.get_capabilities().get("amx_bf16", False))
    return torch.bfloat16 if fast else None


def mixed_precision(
    device: torch.device, dtype: torch.dtype | None
) -> contextlib.AbstractContextManager[object]:
    """Forward passes in ``dtype`` wherever torch thinks it exact enough; in fp32 if None."""
    return contextlib.nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)
