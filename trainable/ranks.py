"""The processes that train one trial together, and what they tell each other."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")

# A rank that waits longer than this for the others gives up: longer than any validation.
COLLECTIVE_TIMEOUT = datetime.timedelta(minutes=20)


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


def join_ranks(*, rank: int, n_ranks: int, address: str, backend: str) -> Ranks:
    """Meet the other ranks at ``address`` (HOST:PORT, served by rank 0)."""
    if n_ranks > 1:
        distributed.init_process_group(
            backend,
            init_method=f"tcp://{address}",
            rank=rank,
            world_size=n_ranks,
            timeout=COLLECTIVE_TIMEOUT,
        )
    return Ranks(rank=rank, n_ranks=n_ranks)


def leave_ranks() -> None:
    """Close the connections, so that ranks that wait for this one fail at once."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
