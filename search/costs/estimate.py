"""What a study will take of disk, memory and time, told before it starts."""

from __future__ import annotations

import logging
import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from search.cluster.resources import living_nodes
from search.costs.duration import study_seconds
from search.costs.matrix_rate import matrix_rate
from search.costs.need import (
    Need,
    Process,
    disk_needs,
    refuse_full_disk,
    refuse_full_memory,
    study_need,
)
from search.costs.study_sizes import ModelSize, study_sizes
from search.costs.units import human_bytes, human_seconds
from search.storage import chosen_storage
from search.study_config import StudyConfig
from trainable.corpus import load_corpus

logger = logging.getLogger(__name__)


def estimate(config: StudyConfig, data: Path, *, n_fitting: int) -> None:
    """Log what the study will take, and refuse it where that isn't there; Ray is up.

    Args:
        config: the study.
        data: the prepared data.
        n_fitting: trials that Ray holds at once.

    Raises:
        UserError: disk or memory are too small.
    """
    sizes = study_sizes(config, load_corpus(str(data.resolve())))
    n_concurrent = min(config.search.n_concurrent or n_fitting, n_fitting, config.search.n_trials)
    need = study_need(config, sizes, n_concurrent=n_concurrent, process=Process.this_one())
    needs = disk_needs(need, chosen_storage(config))
    refuse_full_disk(needs, lambda folder: shutil.disk_usage(folder).free)
    nodes = living_nodes()
    refuse_full_memory(need, config.ranks, _memory_bytes(nodes))
    rate = None
    if all(node["NodeManagerHostname"] == socket.gethostname() for node in nodes):
        largest = max(sizes, key=lambda size: size.training_flops)
        rate = matrix_rate(largest.model, largest.train, config.ranks)
    logger.info("estimate: %s", _told_time(config, sizes, n_concurrent, rate))
    logger.info("estimate: %s", _told_need(config, need))


def _memory_bytes(nodes: Sequence[Mapping[str, Any]]) -> float:
    """What Ray found free on its machines; hardly any of it goes to its object store."""
    return sum(
        float(node["Resources"].get(name, 0.0))
        for node in nodes
        for name in ("memory", "object_store_memory")
    )


def _told_time(
    config: StudyConfig, sizes: Sequence[ModelSize], n_concurrent: int, rate: float | None
) -> str:
    told = f"{config.search.n_trials} trials, {n_concurrent} at a time"
    seconds = study_seconds(config, sizes, n_concurrent=n_concurrent, rate=rate)
    if seconds is None:
        return f"{told}; how long they take is not known, as they don't run on this machine"
    told += f", take {human_seconds(seconds[0])} to {human_seconds(seconds[1])}"
    return told if rate is None else f"{told} at {rate / 1e9:.0f} GFLOP/s a rank"


def _told_need(config: StudyConfig, need: Need) -> str:
    told = (
        f"up to {human_bytes(need.stored_bytes + need.record_bytes)} of disk; "
        f"about {human_bytes(need.rank_bytes)} of memory a rank, "
        f"{human_bytes(need.all_ranks_bytes)} in all"
    )
    if config.ranks.gpus_per_rank:
        told += f", and {human_bytes(need.model_bytes)} of a GPU's"
    return told
