"""The most memory that a trial used."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

import torch

_CLEAR_PEAK = "5"  # written to clear_refs, it sets the peak back (man 5 proc)


def forget_peak_memory(device: torch.device) -> None:
    """Start to measure anew: a process outlives its trials.

    Some containers do not let a process do so; there the peak is that of the process.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text(_CLEAR_PEAK)


def peak_memory_bytes(device: torch.device) -> int:
    """The peak since then: what torch held of a GPU, or the process's resident memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status").read_text()
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
