"""Resources of a Ray cluster's nodes, and the trials that fit them.

Each rank must fit a single node; the ranks of a trial may be spread over several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ray

from spaces.errors import UserError
from trainable.config import RanksConfig

NodeResources = Mapping[str, float]  # by Ray's names: "CPU", "GPU", "memory" in bytes


def living_nodes() -> list[Mapping[str, Any]]:
    """Ray's description of each live node of the cluster."""
    return [node for node in ray.nodes() if node["Alive"]]


def nodes_resources() -> list[NodeResources]:
    """Resources of each live node of the cluster, free or in use."""
    return [node["Resources"] for node in living_nodes()]


def n_fitting_trials(ranks: RanksConfig, nodes: Sequence[NodeResources]) -> int:
    """Number of trials that fit the nodes at once."""
    return sum(_n_fitting_ranks(ranks, node) for node in nodes) // ranks.n_ranks


def refuse_what_cannot_fit(ranks: RanksConfig, nodes: Sequence[NodeResources]) -> None:
    """Check that a trial fits the nodes when they are idle.

    Raises:
        UserError: no trial fits.
    """
    for name, needed in (("CPU", ranks.cpus_per_rank), ("GPU", ranks.gpus_per_rank)):
        most = max((node.get(name, 0) for node in nodes), default=0)
        if needed > most:
            whose = "trial" if ranks.n_ranks == 1 else "rank"
            raise UserError(
                f"ranks: a {whose} asks for {needed:g} {name}s; the largest node has {most:g}; "
                "ask for less"
            )
    n_fitting = sum(_n_fitting_ranks(ranks, node) for node in nodes)
    if n_fitting < ranks.n_ranks:
        holder = "the node holds" if len(nodes) == 1 else f"the {len(nodes)} nodes hold"
        raise UserError(
            f"ranks: a trial asks for {ranks.n_ranks} x ({ranks.cpus_per_rank} CPUs, "
            f"{ranks.gpus_per_rank:g} GPUs); {holder} {n_fitting} of them; ask for less"
        )


def _n_fitting_ranks(ranks: RanksConfig, node: NodeResources) -> int:
    n_by_cpu = int(node.get("CPU", 0) // ranks.cpus_per_rank)
    if ranks.gpus_per_rank == 0:
        return n_by_cpu
    n_gpus = int(node.get("GPU", 0))
    if ranks.gpus_per_rank < 1:  # a share cannot span GPUs: two GPUs hold two shares of 2/3
        return min(n_by_cpu, n_gpus * int(1 / ranks.gpus_per_rank + 1e-9))
    return min(n_by_cpu, int(n_gpus // ranks.gpus_per_rank))
