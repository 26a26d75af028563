"""Conversion of a trained model to a fairseq checkpoint, for fairseq's own tools.

torch loads with ``weights_only`` by default, so a checkpoint contains only tensors and plain
values; fairseq's usual checkpoints with a pickled `Namespace` no longer load.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from fairseq import options
from fairseq.models import BaseFairseqModel
from omegaconf import OmegaConf

from trainable.private.fairseq import convert_namespace_to_omegaconf, registered_name

_USER_DIR = str(Path(__file__).parent)


def fairseq_checkpoint(
    model: BaseFairseqModel, *, arguments: Sequence[str], n_updates: int
) -> dict[str, Any]:
    """Checkpoint of ``model`` as `fairseq-train ARGUMENTS` saves it, without optimizer state.

    Written by `torch.save`, it is a file for `fairseq-generate --path` with `--user-dir`. It
    does not contain the reservoirs, since their seed is among the arguments.

    Args:
        model: a trained or untrained model, on any device.
        arguments: the data folder, `--source-lang`, `--target-lang`, the model's options
            (``command_line``) and those of the training.
        n_updates: number of updates that the model was trained for.
    """
    cfg = _without_places(fairseq_config(arguments), data=arguments[0])
    return {
        "args": None,
        "cfg": cfg,
        "model": _weights_on_cpu(model),
        "criterion": None,
        "optimizer_history": [
            {
                "criterion_name": registered_name(cfg, "criterion"),
                "optimizer_name": registered_name(cfg, "optimizer"),
                "lr_scheduler_state": {"best": None},
                "num_updates": n_updates,
            }
        ],
        "task_state": {},
        "extra_state": {"train_iterator": {"epoch": 1, "iterations_in_epoch": 0}},
    }


def _without_places(cfg: dict[str, Any], *, data: str) -> dict[str, Any]:
    """Configuration with the names of the data's folder and of our package, not their places.

    fairseq's tools are given both anew.
    """

    def name(value: object) -> object:
        if isinstance(value, dict):
            return {key: name(inner) for key, inner in value.items()}
        return Path(value).name if isinstance(value, str) and value in (data, _USER_DIR) else value

    return {key: name(value) for key, value in cfg.items()}


def _weights_on_cpu(model: BaseFairseqModel) -> dict[str, torch.Tensor]:
    """State dict on the CPU; names of a shared tensor still share one copy."""
    copies: dict[int, torch.Tensor] = {}
    weights: dict[str, torch.Tensor] = {}
    for name, tensor in model.state_dict().items():
        weights[name] = copies.setdefault(tensor.data_ptr(), tensor.detach().cpu())
    return weights


def fairseq_config(arguments: Sequence[str]) -> dict[str, Any]:
    """Configuration of `fairseq-train ARGUMENTS`, as plain values.

    Raises:
        SystemExit: an argument is wrong; fairseq has printed its usage.
    """
    parser = options.get_training_parser()
    parsed = options.parse_args_and_arch(parser, input_args=list(arguments))
    plain: dict[str, Any] = OmegaConf.to_container(  # type: ignore[assignment]
        convert_namespace_to_omegaconf(parsed), resolve=True, enum_to_str=True
    )
    return plain
