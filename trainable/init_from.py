"""Training that starts from an export's encoder, as fine-tuning does."""

from __future__ import annotations

from pathlib import Path

import torch
from fairseq.models import BaseFairseqModel

from spaces.counts import count_encoder_params
from spaces.errors import UserError
from spaces.inert import is_inert
from spaces.layout import NO_DECODER
from trainable.config import ModelConfig, TrialConfig
from trainable.export_files import exported_config, exported_weights
from trainable.tasks.registry import load_vocabulary
from trainable.tasks.task import Task

SETTING = "train.init_from"
ENCODER = "encoder."  # beginning of the names of an encoder's weights
# Settings that make the encoder; those that change nothing in it may differ.
_OF_THE_ENCODER = (
    *("encoder", "d_model", "embedding_dim", "ffn", "heads", "norm"),
    *("attention", "attention_features", "attention_length", "attention_sharing"),
    *("reservoir_gain", "reservoir_draw", "reservoir_density"),
)


def check_init(trial: TrialConfig, task: Task) -> None:
    """Check that ``train.init_from`` holds the encoder of the trial, for the task's words.

    Raises:
        UserError: it is no export, of another model, or its words are others.
    """
    if trial.train.init_from is None:
        return
    folder = Path(trial.train.init_from)
    exported = exported_config(folder, SETTING)
    if not task.has_inputs_of(load_vocabulary(str(folder))):
        raise UserError(
            f"train.init_from {folder}: its dictionary is not that of {task.folder}; "
            f"prepare the data with --vocabulary {folder}"
        )
    _require_equal(trial, exported.model, folder)
    if has_drawn_weights(trial.model, task) and trial.seed != exported.seed:
        raise UserError(
            f"train.init_from {folder}: its frozen random weights are of seed {exported.seed}, "
            f"and the trial's of seed {trial.seed}; set seed = {exported.seed}"
        )


def has_drawn_weights(model: ModelConfig, task: Task) -> bool:
    """True if the encoder has frozen weights, drawn from the seed: reservoirs, random features."""
    counts = count_encoder_params(model.encoder, task.dimensions(model), n_head=0)
    return counts.stored < counts.total


@torch.no_grad()
def start_from_export(model: BaseFairseqModel, trial: TrialConfig, task: Task) -> None:
    """Copy the encoder of ``train.init_from`` into ``model``, where the setting is given.

    Raises:
        UserError: it cannot be.
    """
    if trial.train.init_from is None:
        return
    check_init(trial, task)
    folder = Path(trial.train.init_from)
    weights = exported_weights(folder, SETTING)
    for name, parameter in model.named_parameters():
        if not name.startswith(ENCODER):
            continue
        if name not in weights or weights[name].shape != parameter.shape:
            raise UserError(f"train.init_from {folder}: has no {name} of this shape; export again")
        parameter.copy_(weights[name])


def _require_equal(trial: TrialConfig, exported: ModelConfig, folder: Path) -> None:
    model = trial.model
    settings = {f"model.{name}": getattr(model, name) for name in _OF_THE_ENCODER}
    for name, wanted in settings.items():
        found = getattr(exported, name.removeprefix("model."))
        if wanted != found and not is_inert(name, model.encoder, NO_DECODER, settings):
            raise UserError(
                f"train.init_from {folder}: {name} is {found} there and {wanted} in the "
                "trial; both must be one encoder"
            )
