"""Classification of the errors that end a trial: its layout's fault, or its environment's.

A fault of the environment is no verdict on a layout: the same trial may succeed later.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from ray import exceptions
from torch import distributed

from spaces.errors import DamagedData
from trainable.checkpoint import BrokenCheckpoint

FaultKind = Literal[
    "files", "disk", "memory", "gpu memory", "gpu", "node", "process", "start-up", "network"
]

_REMEDIES = MappingProxyType[FaultKind, str](
    {
        "files": "make the files readable again",
        "disk": "make room on the disk",
        "memory": "free memory, or run fewer trials at once on a larger machine",
        "gpu memory": "stop the other programs on the GPU",
        "gpu": "check the GPU and its driver",
        "node": "bring the machine back, or add another",
        "process": "check what ends its process, such as a lack of memory",
        "start-up": "check what keeps its processes from starting",
        "network": "check the network between the machines",
    }
)

_BY_TYPE: tuple[tuple[tuple[type[BaseException], ...], FaultKind], ...] = (
    ((BrokenCheckpoint, DamagedData), "files"),
    ((exceptions.OutOfDiskError,), "disk"),
    ((exceptions.OutOfMemoryError, exceptions.ObjectStoreFullError, MemoryError), "memory"),
    ((exceptions.NodeDiedError, exceptions.ObjectLostError), "node"),
    (
        (
            exceptions.ActorUnschedulableError,
            exceptions.TaskUnschedulableError,
            exceptions.RuntimeEnvSetupError,
            exceptions.GetTimeoutError,
            distributed.DistStoreError,
        ),
        "start-up",
    ),
    (
        (
            exceptions.RpcError,
            exceptions.RayChannelError,
            distributed.DistBackendError,
            distributed.DistNetworkError,
            ConnectionError,
            TimeoutError,
        ),
        "network",
    ),
)
_BY_ERRNO = MappingProxyType[int, FaultKind](
    {errno.ENOSPC: "disk", errno.EDQUOT: "disk", errno.ENOMEM: "memory"}
)
# What a RuntimeError says, as torch and its libraries raise no type of their own for these.
_BY_TEXT: tuple[tuple[re.Pattern[str], FaultKind], ...] = (
    (re.compile("gloo|NCCL|Connection"), "network"),
    # Torch's own allocator counts and raises OutOfMemoryError; here the device had no room even
    # for what a process needs beside its tensors.
    (re.compile("CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED"), "gpu memory"),
    # After most of these the process can use the GPU no more; Tune starts another one.
    (re.compile("CUDA error|CUBLAS_STATUS|CUDNN_STATUS|No CUDA GPUs|NVIDIA driver"), "gpu"),
)

# What a process takes on a GPU beside its tensors: CUDA's context and the libraries' workspaces.
_CONTEXT_BYTES = 2**30
_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_AMOUNT = r"([\d.]+) (bytes|KiB|MiB|GiB|TiB)"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFault:
    """Fault of what is around a trial: files, memory, machines, network."""

    kind: FaultKind
    reason: str  # one line

    @property
    def remedy(self) -> str:
        """What a person can do about it, as an imperative."""
        return _REMEDIES[self.kind]


def environment_fault(error: BaseException) -> EnvironmentFault | None:
    """The environment's fault that ``error`` tells of; None if it tells of the layout's.

    Of Ray's wrappers of an error, and of errors with a cause, the innermost counts that is a
    fault of the environment.
    """
    found = None
    for inner in _chain(error):
        kind = _kind(inner)
        if kind is not None:
            found = EnvironmentFault(kind=kind, reason=reason_of(inner))
    return found


def reason_of(error: BaseException) -> str:
    """Type and message of an error in one line; of an error that Ray wraps, the cause's."""
    if isinstance(error, exceptions.RayTaskError) and error.cause is not error:
        return reason_of(error.cause)
    lines = str(error).strip().split("\n")
    # Of an actor's death the first line only says that it died.
    line = lines[-1] if isinstance(error, exceptions.RayActorError) else lines[0]
    return f"{type(error).__name__}: {line.strip()}".removesuffix(": ")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, those that it wraps, and their causes, outermost first."""
    seen: set[int] = set()
    inner: BaseException | None = error
    while inner is not None and id(inner) not in seen:
        seen.add(id(inner))
        if isinstance(inner, exceptions.RayTaskError):  # its type is also that of its cause
            inner = inner.cause
            continue
        yield inner
        inner = inner.__cause__


def _kind(error: BaseException) -> FaultKind | None:
    for types, kind in _BY_TYPE:
        if isinstance(error, types):
            return kind
    if isinstance(error, exceptions.RayActorError):
        return _kind_of_death(error)
    # Ray raises RayError itself in the place of an error that cannot be pickled.
    if isinstance(error, exceptions.RayError) and type(error) is not exceptions.RayError:
        return "process"
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno or 0, "files")
    if isinstance(error, torch.OutOfMemoryError):
        return "gpu memory" if _is_taken_by_neighbours(str(error)) else None
    return _kind_of_message(error) if isinstance(error, RuntimeError) else None


def _kind_of_death(error: exceptions.RayActorError) -> FaultKind:
    if error.actor_init_failed:
        return "start-up"
    return "node" if error.preempted or "node" in str(error).lower() else "process"


def _kind_of_message(error: RuntimeError) -> FaultKind | None:
    text = str(error)
    if "DefaultCPUAllocator" in text:
        asked = _bytes_after("tried to allocate", text)
        return None if asked is None or asked > _machine_bytes() else "memory"
    return next((kind for pattern, kind in _BY_TEXT if pattern.search(text)), None)


def _is_taken_by_neighbours(message: str) -> bool:
    """Whether the trial would have fitted the GPU if it had been alone there.

    Args:
        message: of torch; unlike the state of the device it also comes from other ranks.
    """
    asked = _bytes_after("Tried to allocate", message)
    total = _bytes_after("a total capacity of", message)
    allocated = _bytes_after("Of the allocated memory", message)
    unallocated = _bytes_after("and", message.partition("is allocated by PyTorch")[2])
    if asked is None or total is None or allocated is None or unallocated is None:
        return False
    return asked <= total - allocated - unallocated - _CONTEXT_BYTES


def _bytes_after(words: str, text: str) -> float | None:
    found = re.search(rf"{words} {_AMOUNT}", text)
    return None if found is None else float(found[1]) * _UNITS[found[2]]


def _machine_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
