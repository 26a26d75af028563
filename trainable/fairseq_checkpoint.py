"""A trained model as a checkpoint of fairseq's, for fairseq's own tools.

torch loads weights only unless told otherwise, so a checkpoint holds nothing but tensors
and plain values; a fairseq checkpoint with a pickled `Namespace` no longer loads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from fairseq import options
from omegaconf import OmegaConf

from trainable.models.reservoir_transformer import ReservoirTransformer
from trainable.private.fairseq import convert_namespace_to_omegaconf, registered_name


def fairseq_checkpoint(
    model: ReservoirTransformer, *, arguments: Sequence[str], n_updates: int
) -> dict[str, Any]:
    """What `fairseq-train ARGUMENTS` would save of ``model`` without its optimizer.

    `torch.save` of it is a file for `fairseq-generate --path` with `--user-dir`. The
    reservoirs are not in it: their seed, among the arguments, is enough.

    Args:
        model: trained or not; on any device.
        arguments: the data folder, `--source-lang`, `--target-lang`, the model's options
            (``command_line``) and those of the training.
        n_updates: how many updates the model has had.
    """
    cfg = fairseq_config(arguments)
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


def _weights_on_cpu(model: ReservoirTransformer) -> dict[str, torch.Tensor]:
    """The state dict, in which names of one tensor stay names of one tensor."""
    copies: dict[int, torch.Tensor] = {}
    weights: dict[str, torch.Tensor] = {}
    for name, tensor in model.state_dict().items():
        weights[name] = copies.setdefault(tensor.data_ptr(), tensor.detach().cpu())
    return weights


def fairseq_config(arguments: Sequence[str]) -> dict[str, Any]:
    """The configuration that `fairseq-train ARGUMENTS` runs with, as plain values.

    A wrong argument ends the program with fairseq's usage, as on its command line.
    """
    parser = options.get_training_parser()
    parsed = options.parse_args_and_arch(parser, input_args=list(arguments))
    plain: dict[str, Any] = OmegaConf.to_container(  # type: ignore[assignment]
        convert_namespace_to_omegaconf(parsed), resolve=True, enum_to_str=True
    )
    return plain
