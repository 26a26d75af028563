"""Final scores of a trained layout on a whole evaluation set."""

from __future__ import annotations

import os

import torch
from fairseq.models import BaseFairseqModel

from trainable.checkpoint import Weights, load_learned_weights
from trainable.config import TrialConfig
from trainable.data.manifest import SplitName
from trainable.device import training_device
from trainable.tasks.task import Scores, Task


def trained_model(config: TrialConfig, task: Task, weights: Weights) -> BaseFairseqModel:
    """Model of the trial with ``weights``, on this machine's GPU or on all its cores."""
    torch.set_num_threads(os.cpu_count() or 1)
    model = task.build_model(config.model, seed=config.seed)
    model.to(device())
    load_learned_weights(model, weights)
    return model


def full_scores(
    model: BaseFairseqModel, task: Task, config: TrialConfig, split: SplitName
) -> Scores:
    """Scores of a trained model on all of ``split``, decoded as a final result."""
    return task.final_set(config, split, device=device()).measure(model)


def device() -> torch.device:
    """This machine's GPU, or its CPU."""
    return training_device(float(torch.cuda.is_available()))
