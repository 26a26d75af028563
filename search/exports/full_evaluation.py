"""How good a trained layout is on a whole evaluation set, measured as a final result is."""

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
    """The trial's model with ``weights``, on this machine, which need not be the study's."""
    torch.set_num_threads(os.cpu_count() or 1)
    model = task.build_model(config.model, seed=config.seed)
    model.to(_device())
    load_learned_weights(model, weights)
    return model


def full_scores(
    model: BaseFairseqModel, task: Task, config: TrialConfig, split: SplitName
) -> Scores:
    """The scores of ``trained_model`` on all of ``split``."""
    return task.final_set(config, split, device=_device()).measure(model)


def _device() -> torch.device:
    return training_device(float(torch.cuda.is_available()))
