"""Check that the nodes of a cluster share the folder in which trials save checkpoints."""

from __future__ import annotations

import tempfile
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search.cluster.resources import living_nodes, n_fitting_trials
from search.study.config import StudyConfig
from search.study.storage import chosen_storage
from spaces.errors import UserError
from trainable.config import RanksConfig

_TIMEOUT_S = 120.0  # time for starting a process on each node


def refuse_unshared(config: StudyConfig) -> None:
    """Check that all nodes that train share the checkpoints' folder; object stores always are.

    Raises:
        UserError: a node has another folder at that path, or none.
    """
    storage = chosen_storage(config)
    if storage is None or storage.is_local:
        _refuse_unshared(Path.cwd() if storage is None else Path(storage.path), config.ranks)


def _refuse_unshared(folder: Path, ranks: RanksConfig) -> None:
    """Check that a file made here is visible on all nodes that train."""
    alone = ranks.model_copy(update={"n_ranks": 1})
    nodes = [node for node in living_nodes() if n_fitting_trials(alone, [node["Resources"]])]
    remote_is_file = ray.remote(num_cpus=0, max_retries=0)(_is_file)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".reservoir-search-") as mark:
        looks = {
            remote_is_file.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(mark.name): node["NodeManagerAddress"]
            for node in nodes
        }
        done, _ = ray.wait(list(looks), num_returns=len(looks), timeout=_TIMEOUT_S)
        without = [looks[look] for look in done if not _is_found(look)]
    if without:
        raise UserError(
            f"{folder}: is not the same folder on {without[0]}, so a trial there could save no "
            "checkpoint; start the search in a folder that all machines share, or set storage.uri"
        )


def _is_file(path: str) -> bool:
    return Path(path).is_file()


def _is_found(look: object) -> bool:
    """Result of a remote look for the file; True if the node has left meanwhile."""
    try:
        return bool(ray.get(look))
    except ray.exceptions.RayError:  # no trial will run on a node that has left
        return True
