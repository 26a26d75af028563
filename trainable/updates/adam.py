"""Adam whose step a CUDA graph can hold, and its state from checkpoints."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from trainable.config import TrainConfig


def make_adam(model: nn.Module, train: TrainConfig, device: torch.device) -> torch.optim.AdamW:
    """Optimizer of all parameters of ``model``; on a GPU its rate is a tensor there."""
    on_gpu = device.type == "cuda"
    return torch.optim.AdamW(
        model.parameters(),
        lr=torch.zeros((), device=device) if on_gpu else 1e-3,  # set at each update
        betas=(0.9, 0.98),
        weight_decay=train.weight_decay,
        fused=True,
        capturable=on_gpu,
    )


def load_adam(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load a checkpoint's ``state``, also one that was written on another kind of device."""
    own = [{name: group[name] for name in ("lr", "capturable")} for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, kept in zip(optimizer.param_groups, own, strict=True):
        group.update(kept)
