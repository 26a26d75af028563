"""Training that starts from an export's encoder, as fine-tuning does."""

from __future__ import annotations

from pathlib import Path

import torch
from fairseq.models import BaseFairseqModel

from spaces.errors import UserError
from trainable.config import ModelConfig, TrialConfig
from trainable.export_files import exported_config, exported_weights
from trainable.tasks.registry import load_vocabulary
from trainable.tasks.task import Task

SETTING = "train.init_from"
ENCODER = "encoder."  # beginning of the names of an encoder's weights
_SIZES = (
    *("encoder", "d_model", "embedding_dim", "ffn", "heads", "norm"),
    *("attention", "attention_features", "attention_length", "attention_sharing"),
)
_RESERVOIRS = ("reservoir_gain", "reservoir_draw", "reservoir_density")


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
    names = list(_SIZES)
    if trial.model.encoder.n_reservoirs:
        names += _RESERVOIRS
        if trial.seed != exported.seed:
            raise UserError(
                f"train.init_from {folder}: its reservoirs are of seed {exported.seed}, and the "
                f"trial's of seed {trial.seed}; set seed = {exported.seed}"
            )
    _require_equal(names, trial.model, exported.model, folder)


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


def _require_equal(
    names: list[str], ours: ModelConfig, exported: ModelConfig, folder: Path
) -> None:
    for name in names:
        wanted, found = getattr(ours, name), getattr(exported, name)
        if wanted != found:
            raise UserError(
                f"train.init_from {folder}: model.{name} is {found} there and {wanted} in the "
                "trial; both must be one encoder"
            )
