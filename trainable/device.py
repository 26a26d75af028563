"""Device and precision of a rank's training, and copies of tensors to the device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor


def training_device(gpus_per_rank: float) -> torch.device:
    """CUDA's current device if the rank has a GPU or a part of one, otherwise the CPU."""
    if gpus_per_rank > 0:
        # cuDNN's attention plans every new shape, for 15 ms each way and layer.
        torch.backends.cuda.enable_cudnn_sdp(False)
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy of a CPU tensor on ``device``; copies to a GPU are asynchronous."""
    if device.type == "cuda":
        tensor = tensor.pin_memory()  # copies from unpinned memory are synchronous
    return tensor.to(device, non_blocking=True)


def autocast_dtype(
    precision: Literal["auto", "fp32", "bf16"], device: torch.device
) -> torch.dtype | None:
    """Data type for autocast in forward passes; None for fp32.

    ``auto`` selects bf16 on devices that are fast at it: CUDA from compute capability 8.0,
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
    """Context of forward passes: autocast to ``dtype``, or fp32 if it is None."""
    return contextlib.nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)


@contextlib.contextmanager
def capture(
    graph: torch.cuda.CUDAGraph, *, stream: torch.cuda.Stream, pool: Any = None
) -> Iterator[None]:
    """Capture what the block launches in ``graph``, on ``stream``.

    torch leaves a capture that breaks half open: the capture's stream stays the current one,
    and dropout fails until the process ends. Here both are put right before the error is raised.
    """
    here = torch.cuda.current_stream(stream.device)
    try:
        # "thread_local", since NCCL's watchdog asks for its events meanwhile.
        with (
            torch.cuda.stream(here),
            torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local"),
        ):
            yield
    except BaseException:
        generator = torch.cuda.default_generators[here.device.index]
        generator.graphsafe_set_state(generator.clone_state())
        raise
