"""Disk and memory that trials need at their peak."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from search.costs.study_sizes import ModelSize
from search.costs.units import human_bytes
from search.costs.work import Work
from search.study.config import StudyConfig
from search.study.storage import Storage
from spaces.errors import UserError
from trainable.config import RanksConfig
from trainable.loss import CHUNK, GPU_CHUNK

_FLOAT = 4  # bytes; weights, optimizer and stored tensors are fp32
# Tensors of a checkpoint for each learned one: itself, its best version, Adam's two moments.
_STORED_TENSORS = 4
_CHECKPOINTS = 3  # of a running trial: Tune keeps two, and writes the next before it drops one
# Tensors in memory beside each learned one: gradient, Adam's two moments, the best version,
# and the copy that a checkpoint is written from.
_TENSORS_BESIDE = 5
# Logits of the vocabulary in memory: a chunk's, their softmax, and those of the chunk before.
_LOGITS_AT_ONCE = 3
_RECORDS_A_TRIAL = 150 * 2**10  # bytes in MLflow and our records: 140 KiB in the quickstart
_RECORDS_A_POINT = 2 * 2**10  # bytes of seven metrics in MLflow and a point in trials.jsonl


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Memory of a process that has imported the libraries and holds no model."""

    private_bytes: int
    shared_bytes: int  # the libraries' files, which all processes share

    @classmethod
    def current(cls) -> Process:
        """Memory of this process, which has imported a rank's libraries, Optuna and MLflow."""
        memory = psutil.Process().memory_full_info()
        return cls(private_bytes=memory.uss, shared_bytes=max(0, memory.rss - memory.uss))


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Bytes of disk and memory at the peak, if all trials have the largest model."""

    n_concurrent: int  # trials that run at once
    checkpoint_bytes: int  # one checkpoint of the largest model
    stored_bytes: int  # all checkpoints and kept weights, in storage
    record_bytes: int  # files in the study's folder beside the checkpoints
    model_bytes: int  # a rank's weights, optimizer and activations
    rank_bytes: int  # host memory of a rank's process
    all_ranks_bytes: int  # host memory of all ranks that run at once


def work_need(work: Work, *, n_concurrent: int, process: Process) -> Need:
    """Largest need of the work with ``n_concurrent`` trials at once.

    Args:
        work: the trials.
        n_concurrent: number of trials that run at once.
        process: memory of a rank's process without its model.
    """
    ranks = work.config.ranks
    n_learned = max(size.counts.learned for size in work.sizes)
    checkpoint = _STORED_TENSORS * _FLOAT * n_learned
    model = max(_model_bytes(size, ranks) for size in work.sizes)
    in_host = 0 if ranks.gpus_per_rank else model
    return Need(
        n_concurrent=n_concurrent,
        checkpoint_bytes=checkpoint,
        stored_bytes=n_concurrent * _CHECKPOINTS * checkpoint + work.n_kept * _FLOAT * n_learned,
        record_bytes=work.n_most * (_RECORDS_A_TRIAL + _points_bytes(work.config)),
        model_bytes=model,
        rank_bytes=process.private_bytes + process.shared_bytes + in_host,
        all_ranks_bytes=process.shared_bytes
        + n_concurrent * ranks.n_ranks * (process.private_bytes + in_host),
    )


def _points_bytes(config: StudyConfig) -> int:
    if config.budget.updates is None:
        return 0
    return _RECORDS_A_POINT * -(-config.budget.updates // config.validation.interval_updates)


def _model_bytes(size: ModelSize, ranks: RanksConfig) -> int:
    """Bytes of a rank's weights, optimizer, activations, and logits for the loss."""
    model, train = size.trial.model, size.trial.train
    weights = _FLOAT * (size.counts.total + _TENSORS_BESIDE * size.counts.learned)
    n_tokens = train.batch_tokens / (ranks.n_ranks * train.accumulate)
    # Activations of a token in a layer: norms, query, key, value, attention, sums and masks have
    # d_model numbers, those inside the feed-forward block ffn.
    n_numbers = 14 * model.d_model + 3 * model.ffn
    activations = _FLOAT * n_tokens * size.n_layers * n_numbers
    n_logits = min(GPU_CHUNK if ranks.gpus_per_rank else CHUNK, n_tokens * size.n_words)
    logits = _LOGITS_AT_ONCE * _FLOAT * n_logits
    return weights + round(activations + logits)


def refuse_full_disk(
    needs: Mapping[Path, int], free: Callable[[Path], int], *, remedy: str
) -> None:
    """Check that each disk has room for all that goes to it.

    Args:
        needs: bytes by folder; those of folders on one disk are added.
        free: function from a folder to the free bytes of its disk.
        remedy: end of the message, with what the user can do.

    Raises:
        UserError: a disk has too little room.
    """
    by_disk: dict[int, dict[Path, int]] = defaultdict(dict)
    for folder, n_bytes in needs.items():
        by_disk[folder.stat().st_dev][folder] = n_bytes
    for folders in by_disk.values():
        place, need = next(iter(folders)), sum(folders.values())
        if need > free(place):
            raise UserError(
                f"{place}: the trials need up to {human_bytes(need)} of disk, and "
                f"{human_bytes(free(place))} are free; {remedy}"
            )


def refuse_full_memory(need: Need, ranks: RanksConfig, memory_bytes: float, *, remedy: str) -> None:
    """Check that the trials that run at once fit the memory of Ray's nodes.

    Args:
        need: what the trials need.
        ranks: processes of a trial.
        memory_bytes: free memory of all nodes.
        remedy: end of the message, with what the user can do.

    Raises:
        UserError: the memory is too small.
    """
    if need.all_ranks_bytes > memory_bytes:
        raise UserError(
            f"search.n_concurrent: {need.n_concurrent} trials at once ({ranks.n_ranks} x "
            f"{human_bytes(need.rank_bytes)} each) need about "
            f"{human_bytes(need.all_ranks_bytes)} of memory, and there are "
            f"{human_bytes(memory_bytes)}; {remedy}"
        )


def disk_needs(need: Need, place: Path, storage: Storage | None) -> dict[Path, int]:
    """Bytes by existing folder: ``place`` or the nearest above it, and a local ``storage``.

    Without a ``storage`` the checkpoints go to ``place`` too; a remote one is not counted.
    """
    place = place.resolve()
    here = next(folder for folder in (place, *place.parents) if folder.is_dir())
    needs = {here: need.record_bytes}
    if storage is None:
        needs[here] += need.stored_bytes
    elif storage.is_local:
        folder = Path(storage.path)
        needs[folder] = needs.get(folder, 0) + need.stored_bytes
    return needs
