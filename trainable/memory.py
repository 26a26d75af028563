"""The most memory that a trial used."""

from __future__ import annotations

from pathlib import Path

import torch

_CLEAR_PEAK = "5"  # written to clear_refs, it sets the peak back (man 5 proc)


def forget_peak_memory(device: torch.device) -> None:
    """Start to measure anew: a process outlives its trials."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        Path("/proc/self/clear_refs").write_text(_CLEAR_PEAK)


def peak_memory_bytes(device: torch.device) -> int:
    """The peak since then: what torch held of a GPU, or the process's resident memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status").read_text()
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) * 1024
