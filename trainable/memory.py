"""Memory of the processes that train: what they keep, and its peak in a trial."""

from __future__ import annotations

import contextlib
import ctypes
import resource
from pathlib import Path

import torch

_CLEAR_PEAK = "5"  # written to clear_refs, it resets the peak (man 5 proc)
# Numbers of glibc's parameters, as in malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# Larger tensors go back to the system, since glibc may keep several of a size for one in use.
_LARGEST_KEPT_BYTES = 2**26
_NO_LIMIT = 2**31 - 1


def keep_freed_memory() -> None:
    """Keep the memory of freed tensors for the next ones, where the C library is glibc.

    By default it goes back to the system after each update, and comes again page by page: on a
    CPU a fourteenth of an update's time.
    """
    with contextlib.suppress(AttributeError):  # another C library
        set_parameter = ctypes.CDLL(None).mallopt
        set_parameter(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
        set_parameter(_M_TRIM_THRESHOLD, _NO_LIMIT)


def forget_peak_memory(device: torch.device) -> None:
    """Reset the peak, since a process runs several trials, and give back what is free.

    Some containers do not allow it; there the peak is that of the whole process.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
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
