"""Check of what a trial needs before its first update, without training."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from spaces.errors import UserError
from trainable.config import RanksConfig, TrainConfig, TrialConfig
from trainable.ranks import Ranks
from trainable.tasks.registry import load_task
from trainable.teacher import check_teacher


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

    Raises:
        UserError: the trial would fail.
    """
    task = load_task(trial.data)
    task.dimensions(trial.model)
    check_teacher(trial, task)
    next(task.updates(trial.train, seed=trial.seed, skip=0))
    task.validation_set(trial, ranks=Ranks(), device=torch.device("cpu"))


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
