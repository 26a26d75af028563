"""Training of an exported layout to the study's full budget, with its own checkpoints."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import torch

from search.study.config import StudyConfig
from search.study.errors import WorkFailed
from trainable.atomic import atomic_folder, leftovers
from trainable.checkpoint import (
    BrokenCheckpoint,
    Checkpoint,
    Weights,
    load_checkpoint,
    save_checkpoint,
)
from trainable.config import RanksConfig, TrialConfig
from trainable.curve import Point
from trainable.ranks import Ranks
from trainable.training import Diverged, Training

logger = logging.getLogger(__name__)


def full_config(study: StudyConfig, config: TrialConfig) -> TrialConfig:
    """``config`` with the study's full budget, on this machine's GPU or all its cores, one rank.

    One rank gives the losses of many with the same batches, and needs no cluster.
    """
    ranks = RanksConfig(n_ranks=1, gpus_per_rank=float(torch.cuda.is_available()))
    budget = study.full_budget or study.budget
    return config.model_copy(update={"budget": budget, "ranks": ranks})


def train_in_full(config: TrialConfig, folder: Path) -> tuple[tuple[Point, ...], Weights]:
    """Train to the end of the budget, from the newest checkpoint in ``folder`` if there is one.

    Returns:
        The curve, and the weights at its best point.

    Raises:
        WorkFailed: the training diverged.
    """
    torch.set_num_threads(os.cpu_count() or 1)
    folder.mkdir(parents=True, exist_ok=True)
    training = Training(config, ranks=Ranks(), checkpoint=_latest(folder))
    try:
        for point in training.points():
            _save(training.checkpoint(), folder, point.updates)
            logger.info("update=%d score=%.2f loss=%.3f", point.updates, point.score, point.loss)
    except Diverged as error:
        raise WorkFailed(f"full training of {config.model.encoder}: {error}") from error
    return training.curve, training.checkpoint().best_weights


def _save(checkpoint: Checkpoint, folder: Path, n_updates: int) -> None:
    """Save a checkpoint, then remove the older ones."""
    target = folder / f"checkpoint_{n_updates:09d}"
    if target.exists():  # broken, so that training resumed from an older one
        shutil.rmtree(target)
    older = list(folder.glob("checkpoint_*"))
    with atomic_folder(target) as building:
        save_checkpoint(checkpoint, building)
    for path in (*older, *leftovers(folder)):
        shutil.rmtree(path)


def _latest(folder: Path) -> Checkpoint | None:
    for path in sorted(folder.glob("checkpoint_*"), reverse=True):
        try:
            return load_checkpoint(path)
        except BrokenCheckpoint:
            continue
    return None
