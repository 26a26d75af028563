"""Learners on a CPU, in double precision unless asked otherwise."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from spaces.layout import Layout
from trainable.auto_freeze import AutoFreeze
from trainable.config import ModelConfig, TrainConfig, TrialConfig
from trainable.ranks import Ranks
from trainable.stopwatch import Stopwatch
from trainable.tasks.registry import load_task
from trainable.tasks.task import Update
from trainable.updates.learner import Learner
from trainable.updates.strategy import UpdateStrategy

CPU = torch.device("cpu")


def trial_of(trial: TrialConfig, *, model: dict[str, object], **train: object) -> TrialConfig:
    """``trial`` with other settings of its model and training, without dropout, in fp32."""
    layouts = {
        name: Layout.parse(str(text))
        for name, text in model.items()
        if name in ("encoder", "decoder")
    }
    changed = trial.model.model_dump() | model | layouts | {"dropout": 0.0}
    return trial.model_copy(
        update={
            "model": ModelConfig(**changed),
            "train": TrainConfig(**trial.train.model_dump() | {"precision": "fp32"} | train),
        }
    )


def make_learner(
    trial: TrialConfig,
    *,
    tensor_lr: bool,
    dtype: torch.dtype = torch.float64,
    ranks: Ranks = Ranks(),  # noqa: B008 - a frozen value
) -> Learner:
    """A learner whose learning rate is a number, as on a CPU, or a tensor, as on a GPU."""
    task = load_task(trial.data)
    model = task.build_model(trial.model, seed=trial.seed).to(dtype)
    quantile = trial.train.auto_freeze
    return Learner(
        config=trial,
        task=task,
        ranks=ranks,
        device=CPU,
        autocast=None,
        model=model,
        optimizer=torch.optim.AdamW(
            model.parameters(),
            lr=torch.zeros(()) if tensor_lr else 1e-3,
            betas=(0.9, 0.98),
            weight_decay=trial.train.weight_decay,
            fused=True,
            capturable=tensor_lr,
        ),
        auto_freeze=AutoFreeze(model.encoder.layers, quantile=quantile) if quantile else None,
        stopwatch=Stopwatch(CPU),
        loss_sum=torch.zeros((), dtype=dtype),
    )


def some_updates(learner: Learner, n_updates: int) -> list[Update]:
    config = learner.config
    updates = learner.task.updates(config.train, seed=config.seed, skip=0)
    return list(itertools.islice(updates, n_updates))


def make_updates(strategy: UpdateStrategy, updates: list[Update]) -> None:
    for number, update in enumerate(updates, start=1):
        strategy.update(update, number=number)


def state(learner: Learner) -> list[Tensor]:
    """Copies of all that a recording must leave as it is."""
    adam = learner.optimizer.state
    moments = [
        adam[p][name] if p in adam else torch.zeros_like(p)
        for p in learner.learned()
        for name in ("exp_avg", "exp_avg_sq")
    ]
    return [t.detach().clone() for t in (*learner.model.parameters(), *moments, learner.loss_sum)]
