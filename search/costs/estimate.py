"""Estimate of the disk, memory and time that trials need, logged before the first one starts."""

from __future__ import annotations

import logging
import shutil
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from search.cluster.resources import living_nodes, n_fitting_trials
from search.costs.duration import likely_seconds, likely_trial_seconds, work_seconds
from search.costs.need import (
    Need,
    Process,
    disk_needs,
    refuse_full_disk,
    refuse_full_memory,
    work_need,
)
from search.costs.pace import Pace, measured_pace
from search.costs.study_sizes import middle_size
from search.costs.units import human_bytes, human_seconds
from search.costs.work import Work
from search.study.console import doing
from search.study.storage import chosen_storage

logger = logging.getLogger(__name__)


def estimate(work: Work) -> float | None:
    """Log the disk, memory and time that the work needs; Ray must be running.

    Returns:
        Seconds for each trial that spends its whole budget; None if they are not known.

    Raises:
        UserError: disk or memory is too small.
    """
    config = work.config
    nodes = living_nodes()
    n_fitting = n_fitting_trials(config.ranks, [node["Resources"] for node in nodes])
    n_concurrent = min(config.search.n_concurrent or n_fitting, n_fitting, work.n_together)
    need = work_need(work, n_concurrent=n_concurrent, process=Process.current())
    needs = disk_needs(need, work.place, chosen_storage(config))
    refuse_full_disk(
        needs, lambda folder: shutil.disk_usage(folder).free, remedy=work.remedies.disk
    )
    refuse_full_memory(need, config.ranks, _memory_bytes(nodes), remedy=work.remedies.memory)
    pace = None
    if all(node["NodeManagerHostname"] == socket.gethostname() for node in nodes):
        with doing("measuring the pace of training"):
            pace = measured_pace(middle_size(work.sizes).trial)
    logger.info("estimate: %s", _time_text(work, n_concurrent, pace))
    logger.info("estimate: %s", _need_text(need, on_gpus=bool(config.ranks.gpus_per_rank)))
    trial_s = likely_trial_seconds(work, n_concurrent=n_concurrent, pace=pace)
    return None if trial_s is None else trial_s / n_concurrent


def _memory_bytes(nodes: Sequence[Mapping[str, Any]]) -> float:
    """Free memory that Ray found on its nodes, with its object store, which stays almost empty."""
    return sum(
        float(node["Resources"].get(name, 0.0))
        for node in nodes
        for name in ("memory", "object_store_memory")
    )


def _time_text(work: Work, n_concurrent: int, pace: Pace | None) -> str:
    least = "" if work.n_least == work.n_most else f"{work.n_least} to "
    text = f"{least}{work.n_most} trials, {n_concurrent} at a time"
    seconds = work_seconds(work, n_concurrent=n_concurrent, pace=pace)
    likely = likely_seconds(work, n_concurrent=n_concurrent, pace=pace)
    if seconds is None or likely is None:
        return f"{text}; how long they take is not known, as they don't run on this machine"
    text += f", take about {human_seconds(likely)}"
    text += f" ({human_seconds(seconds[0])} to {human_seconds(seconds[1])})"
    return text if pace is None else f"{text} at {pace.flops_per_s / 1e9:.0f} GFLOP/s a rank"


def _need_text(need: Need, *, on_gpus: bool) -> str:
    text = (
        f"up to {human_bytes(need.stored_bytes + need.record_bytes)} of disk; "
        f"about {human_bytes(need.rank_bytes)} of memory a rank, "
        f"{human_bytes(need.all_ranks_bytes)} in all"
    )
    if on_gpus:
        text += f"; about {human_bytes(need.model_bytes)} of GPU memory a rank"
    return text
