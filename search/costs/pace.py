"""Measured speed of a trial on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from trainable.config import Budget, ObjectiveConfig, TrialConfig, ValidationConfig
from trainable.ranks import Ranks
from trainable.training import Training
from trainable.updates.choice import MIN_UPDATES_FOR_COMPILING, expected_updates

_MEASURED_S = 1.0
_LR = 1e-9  # the weights hardly move, so no setting makes the loss diverge
_NEVER = 10**9  # updates between validations: only the one at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Speed of one rank that has the machine to itself."""

    flops_per_s: float  # of updates: those of ``training_flops``
    validation_s: float  # of an untrained model, whose outputs are as long as they may be


def measured_pace(trial: TrialConfig) -> Pace | None:
    """The pace of ``trial`` over a second of updates; None if this machine has no such device.

    Trials that run at the same time make each other slower than this.
    """
    ranks = trial.ranks
    if ranks.gpus_per_rank and not torch.cuda.is_available():
        return None
    probe = trial.model_copy(
        update={
            "budget": Budget(seconds=_MEASURED_S),
            "objective": ObjectiveConfig(clock="seconds"),
            "validation": ValidationConfig(
                **trial.validation.model_dump() | {"interval_updates": _NEVER, "dynamics": False}
            ),
            "ranks": ranks.model_copy(update={"n_ranks": 1}),
            "train": trial.train.model_copy(update={"lr": _LR}),
        }
    )
    with _threads(ranks.cpus_per_rank), torch.random.fork_rng():
        # As the trial makes its updates, but nothing is compiled for one second.
        n_updates = min(expected_updates(trial), MIN_UPDATES_FOR_COMPILING - 1)
        training = Training(probe, ranks=Ranks(), n_updates=n_updates)
        started = time.perf_counter()
        last = list(training.points())[-1]
    pace = Pace(
        flops_per_s=last.flops / last.seconds,
        validation_s=time.perf_counter() - started - last.seconds - training.warmup_s,
    )
    del training
    torch.cuda.empty_cache()  # else this process would keep that memory from the trials
    return pace


@contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
