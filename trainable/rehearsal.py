"""Check of what a trial needs before its first update, without training."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import torch

from spaces.errors import UserError
from trainable.config import RanksConfig, TrainConfig, TrialConfig
from trainable.ranks import Ranks
from trainable.tasks.registry import load_task
from trainable.tasks.task import Task
from trainable.teacher import check_teacher

logger = logging.getLogger(__name__)


def rehearse_any(trials: Iterable[TrialConfig]) -> None:
    """Check that one of ``trials`` can begin, in their order; the others may fail.

    Raises:
        UserError: none can; the first one's reason.
    """
    faults: list[UserError] = []
    for trial in trials:
        try:
            rehearse(trial)
        except UserError as error:
            faults.append(error)
        else:
            return
    if faults:
        raise faults[0]


def rehearse(trial: TrialConfig) -> None:
    """Check a trial's settings on its data: dimensions, teacher, batches, validation set.

    The log tells how many examples the size of a batch leaves out.

    Raises:
        UserError: the trial would fail.
    """
    task = load_task(trial.data)
    task.dimensions(trial.model)
    check_teacher(trial, task)
    next(task.updates(trial.train, seed=trial.seed, skip=0))
    for warning in batch_warnings(task, trial.train):
        logger.warning("%s", warning)
    task.validation_set(trial, ranks=Ranks(), device=torch.device("cpu"))


def batch_warnings(task: Task, train: TrainConfig) -> list[str]:
    """Warning that training examples are too long for an update, if some are."""
    n_out, n_all = task.n_left_out(train.batch_tokens), task.manifest.counts["train"].n_sentences
    warning = (
        f"train.batch_tokens {train.batch_tokens}: {n_out:,} of {n_all:,} training examples have "
        "more tokens and are left out; give more tokens a batch to train on them"
    )
    return [warning] if n_out else []


def check_device(ranks: RanksConfig, train: TrainConfig) -> None:
    """Check that torch can use this machine's GPUs, if the ranks ask for any.

    Raises:
        UserError: it finds none, or they lack the precision.
    """
    if ranks.gpus_per_rank == 0:
        return
    if not torch.cuda.is_available():
        raise UserError(
            f"ranks.gpus_per_rank {ranks.gpus_per_rank:g}: torch {torch.__version__} can use no "
            "GPU here; install a build for this machine's driver, or give 0"
        )
    if train.precision == "bf16" and not torch.cuda.is_bf16_supported():
        raise UserError(
            "train.precision 'bf16': this machine's GPU does not have it; use 'fp32' or 'auto'"
        )
