"""The processes that train one trial together, and what they tell each other."""

from __future__ import annotations

import datetime
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil
import torch

# Before any group is made: the defaults of its functions hold the group that they find, so
# one that is torn down would keep its threads and connections as long as the process lives.
import torch.distributed.nn.functional
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")

# A rank that waits longer than this for the others gives up: longer than any validation.
COLLECTIVE_TIMEOUT = datetime.timedelta(minutes=20)
# Longer than a peer's process takes to start.
MEETING_TIMEOUT = datetime.timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """This process's place among the ranks of a trial."""

    rank: int = 0
    n_ranks: int = 1

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def share(self, items: Sequence[T]) -> list[T]:
        """Every n-th item, from the one at this rank's number."""
        return list(items[self.rank :: self.n_ranks])

    def gather(self, value: Any) -> list[Any]:
        """The values of all ranks, in rank order, on every rank."""
        if self.n_ranks == 1:
            return [value]
        values: list[Any] = [None] * self.n_ranks
        distributed.all_gather_object(values, value)
        return values

    def first_says(self, value: float) -> float:
        """Rank 0's ``value``, on every rank."""
        if self.n_ranks == 1:
            return value
        backend = distributed.get_backend()
        told = torch.tensor(
            [value], dtype=torch.float64, device="cuda" if backend == "nccl" else "cpu"
        )
        distributed.broadcast(told, src=0)
        return float(told.item())

    def parallel(self, model: nn.Module) -> nn.Module:
        """``model`` with its gradients averaged over the ranks; itself where there is one.

        torch's own wrapper: fairseq's passes device ids, which torch refuses on a CPU.
        """
        if self.n_ranks == 1:
            return model
        return DistributedDataParallel(model, broadcast_buffers=False)


def join_ranks(
    *, rank: int, n_ranks: int, address: str, backend: str, server: socket.socket | None = None
) -> Ranks:
    """Meet the other ranks at ``address`` (HOST:PORT), where rank 0 listens with ``server``."""
    if n_ranks > 1:
        host, _, port = address.rpartition(":")
        _connect_by(_interface_towards(host))
        # Left to itself torch listens on all interfaces, and whoever comes may read and write.
        store = distributed.TCPStore(  # type: ignore[attr-defined]
            host,
            int(port),
            n_ranks,
            is_master=rank == 0,
            timeout=MEETING_TIMEOUT,
            master_listen_fd=None if server is None else server.detach(),
        )
        distributed.init_process_group(
            backend, store=store, rank=rank, world_size=n_ranks, timeout=COLLECTIVE_TIMEOUT
        )
    return Ranks(rank=rank, n_ranks=n_ranks)


def _interface_towards(host: str) -> str:
    """The network interface through which ``host`` is reached; the one that has it, if ours."""
    family, kind, protocol, _, place = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(place)  # which sends nothing
        ours = probe.getsockname()[0]
    interfaces = psutil.net_if_addrs().items()
    return next(name for name, found in interfaces if any(one.address == ours for one in found))


def _connect_by(interface: str) -> None:
    """Have the ranks' own connections there; by itself gloo looks this machine's name up.

    That may be loopback's, which no other machine reaches.
    """
    os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
    os.environ.setdefault("NCCL_SOCKET_IFNAME", f"={interface}")  # without it, a beginning


def leave_ranks() -> None:
    """Close the connections, so that ranks that wait for this one fail at once."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
