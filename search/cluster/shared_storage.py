"""Whether the nodes of a cluster share the folder into which their trials save checkpoints."""

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

_PATIENCE_S = 120.0  # for the start of a process on each node


def refuse_unshared(config: StudyConfig) -> None:
    """See whether the checkpoints' folder, or the one of the study, is on all nodes that train.

    Raises:
        UserError: one of them has another or none.
    """
    storage = chosen_storage(config)
    if storage is None or storage.is_local:
        _refuse_unshared(Path.cwd() if storage is None else Path(storage.path), config.ranks)


def _refuse_unshared(folder: Path, ranks: RanksConfig) -> None:
    """See whether a file of ours is there on all of them."""
    alone = ranks.model_copy(update={"n_ranks": 1})
    nodes = [node for node in living_nodes() if n_fitting_trials(alone, [node["Resources"]])]
    look = ray.remote(num_cpus=0, max_retries=0)(_is_file)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".reservoir-search-") as mark:
        looks = {
            look.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(mark.name): node["NodeManagerAddress"]
            for node in nodes
        }
        done, _ = ray.wait(list(looks), num_returns=len(looks), timeout=_PATIENCE_S)
        without = [looks[found] for found in done if not _says_yes(found)]
    if without:
        raise UserError(
            f"{folder}: is not the same folder on {without[0]}, so a trial there could save no "
            "checkpoint; start the search in a folder that all machines share, or set storage.uri"
        )


def _is_file(path: str) -> bool:
    return Path(path).is_file()


def _says_yes(found: object) -> bool:
    try:
        return bool(ray.get(found))
    except ray.exceptions.RayError:  # the node has left meanwhile, and no trial will be there
        return True
