"""What the nodes of a Ray cluster hold: a rank must fit a node, a trial's ranks may be spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ray

from spaces.errors import UserError
from trainable.config import RanksConfig

NodeResources = Mapping[str, float]


def living_nodes() -> list[Mapping[str, Any]]:
    """What Ray tells of each node of the cluster."""
    return [node for node in ray.nodes() if node["Alive"]]


def nodes_resources() -> list[NodeResources]:
    """All that each node of the cluster has, whether in use or not."""
    return [node["Resources"] for node in living_nodes()]


def n_fitting_trials(ranks: RanksConfig, nodes: Sequence[NodeResources]) -> int:
    """How many trials the nodes hold at once."""
    return sum(_n_fitting_ranks(ranks, node) for node in nodes) // ranks.n_ranks


def refuse_what_cannot_fit(ranks: RanksConfig, nodes: Sequence[NodeResources]) -> None:
    """See whether the nodes can ever hold a trial.

    Raises:
        UserError: they cannot.
    """
    for name, asked in (("CPU", ranks.cpus_per_rank), ("GPU", ranks.gpus_per_rank)):
        most = max((node.get(name, 0) for node in nodes), default=0)
        if asked > most:
            whose = "trial" if ranks.n_ranks == 1 else "rank"
            raise UserError(
                f"ranks: a {whose} asks for {asked:g} {name}s; the largest node has {most:g}; "
                "ask for less"
            )
    n_held = sum(_n_fitting_ranks(ranks, node) for node in nodes)
    if n_held < ranks.n_ranks:
        n_nodes = "the node holds" if len(nodes) == 1 else f"the {len(nodes)} nodes hold"
        raise UserError(
            f"ranks: a trial asks for {ranks.n_ranks} x ({ranks.cpus_per_rank} CPUs, "
            f"{ranks.gpus_per_rank:g} GPUs); {n_nodes} {n_held} of them; ask for less"
        )


def _n_fitting_ranks(ranks: RanksConfig, node: NodeResources) -> int:
    n_by_cpu = int(node.get("CPU", 0) // ranks.cpus_per_rank)
    if ranks.gpus_per_rank == 0:
        return n_by_cpu
    n_gpus = int(node.get("GPU", 0))
    if ranks.gpus_per_rank < 1:  # a share is of one GPU: two thirds fit two GPUs twice
        return min(n_by_cpu, n_gpus * int(1 / ranks.gpus_per_rank + 1e-9))
    return min(n_by_cpu, int(n_gpus // ranks.gpus_per_rank))
