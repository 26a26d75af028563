"""The processes that train one trial together, and their communication."""

from __future__ import annotations

import datetime
import gc
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil
import torch

# Imported before any process group exists: default arguments in this module keep the current
# group, whose threads and connections would then live as long as the process.
import torch.distributed.nn.functional
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")

# Time-out of collectives; longer than any validation.
COLLECTIVE_TIMEOUT = datetime.timedelta(minutes=20)
# Time-out of connecting; longer than the start of a peer's process.
MEETING_TIMEOUT = datetime.timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """Rank of this process, and the number of ranks of the trial."""

    rank: int = 0
    n_ranks: int = 1

    def share(self, items: Sequence[T]) -> list[T]:
        """This rank's share of ``items``: every n-th item, starting at its own number."""
        return list(items[self.rank :: self.n_ranks])

    def gather(self, value: Any) -> list[Any]:
        """Values of all ranks, in rank order; collective."""
        if self.n_ranks == 1:
            return [value]
        values: list[Any] = [None] * self.n_ranks
        distributed.all_gather_object(values, value)
        return values

    def from_rank_0(self, value: float) -> float:
        """Value of rank 0, on every rank; collective."""
        if self.n_ranks == 1:
            return value
        backend = distributed.get_backend()
        tensor = torch.tensor(
            [value], dtype=torch.float64, device="cuda" if backend == "nccl" else "cpu"
        )
        distributed.broadcast(tensor, src=0)
        return float(tensor.item())

    def parallel(self, model: nn.Module) -> nn.Module:
        """Wrapper of ``model`` that averages gradients over the ranks; ``model`` if only one.

        torch's own wrapper: fairseq's passes device ids, which torch refuses on a CPU.
        """
        if self.n_ranks == 1:
            return model
        return DistributedDataParallel(model, broadcast_buffers=False)


def join_ranks(
    *, rank: int, n_ranks: int, address: str, backend: str, server: socket.socket | None = None
) -> Ranks:
    """Connect to the other ranks, whose places stand in a store at ``address``.

    Args:
        rank, n_ranks: of this process, and how many there are.
        address: absolute path of a file, for ranks of one machine; else HOST:PORT, where
            rank 0 listens with ``server``.
        backend: torch's, gloo or nccl.
        server: rank 0's listening socket.

    Raises:
        RuntimeError: a rank does not connect within ``MEETING_TIMEOUT``.
    """
    if n_ranks > 1:
        if address.startswith("/"):
            _connect_by(_interface_towards("127.0.0.1"))
            store = _store_in_file(address, n_ranks)
        else:
            _connect_by(_interface_towards(address.rpartition(":")[0]))
            store = _store_at_port(address, n_ranks, is_master=rank == 0, server=server)
        distributed.init_process_group(
            backend, store=store, rank=rank, world_size=n_ranks, timeout=COLLECTIVE_TIMEOUT
        )
    return Ranks(rank=rank, n_ranks=n_ranks)


def _store_in_file(path: str, n_ranks: int) -> Any:
    store = distributed.FileStore(path, n_ranks)  # type: ignore[attr-defined]
    store.set_timeout(MEETING_TIMEOUT)
    return store


def _store_at_port(
    address: str, n_ranks: int, *, is_master: bool, server: socket.socket | None
) -> Any:
    host, _, port = address.rpartition(":")
    # By default torch listens on all interfaces, where any machine could read and write.
    return distributed.TCPStore(  # type: ignore[attr-defined]
        host,
        int(port),
        n_ranks,
        is_master=is_master,
        timeout=MEETING_TIMEOUT,
        master_listen_fd=None if server is None else server.detach(),
    )


def _interface_towards(host: str) -> str:
    """Name of this machine's network interface through which ``host`` is reached."""
    family, kind, protocol, _, place = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(place)  # sends no packet
        ours = probe.getsockname()[0]
    interfaces = psutil.net_if_addrs().items()
    return next(name for name, found in interfaces if any(one.address == ours for one in found))


def _connect_by(interface: str) -> None:
    """Make the ranks' connections use ``interface``.

    By default gloo looks up this machine's name, whose address may be loopback's, which other
    machines cannot reach.
    """
    os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
    os.environ.setdefault("NCCL_SOCKET_IFNAME", f"={interface}")  # without "=" it is a prefix


def leave_ranks() -> None:
    """Forget the other ranks, so that this process can join others; it must hold no model of them.

    gloo's connections close with the last reference to their group, and a model has one. If the
    model's were the last, torch would wait for gloo's threads with Python's lock held, which
    those threads may need to free tensors: a deadlock.
    """
    if distributed.is_initialized():
        gc.collect()  # models are in reference cycles
        distributed.destroy_process_group()
