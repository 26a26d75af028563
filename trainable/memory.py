"""Peak memory of a trial."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

import torch

_CLEAR_PEAK = "5"  # written to clear_refs, it resets the peak (man 5 proc)


def forget_peak_memory(device: torch.device) -> None:
    """Reset the peak, since a process runs several trials.

    Some containers do not allow it; there the peak is that of the whole process.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text(_CLEAR_PEAK)


def peak_memory_bytes(device: torch.device) -> int:
    """Peak since the reset: torch's allocated GPU memory, or the process's resident memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status").read_text()
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
