"""Trials and exports of small models, without a decoder unless they are given one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from trainable.checkpoint import learned_weights
from trainable.config import Budget, ModelConfig, TrainConfig, TrialConfig
from trainable.tasks.registry import load_task


def write_export(data: Path, folder: Path, **model: Any) -> Path:
    """Export of an untrained model whose learned weights are not those of its trial's seed."""
    return write_export_of(encoder_trial(data, seed=7, **model), folder)


def write_export_of(trial: TrialConfig, folder: Path) -> Path:
    """The same of a trial's model."""
    data = Path(trial.data)
    task = load_task(trial.data)
    folder.mkdir()
    (folder / "config.json").write_text(trial.model_dump_json())
    save_file(learned_weights(task.build_model(trial.model, seed=99)), folder / "model.safetensors")
    for name in (*task.vocabulary_files, "manifest.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(data / name, folder / name)
    return folder


def encoder_trial(
    data: Path, *, seed: int, train: Mapping[str, Any] | None = None, **model: Any
) -> TrialConfig:
    """Trial of a small model, without a decoder unless ``model`` has one."""
    sizes = {"encoder": "R1LR1L", "decoder": "none", "d_model": 16, "ffn": 32, "heads": 2}
    return TrialConfig(
        data=str(data),
        seed=seed,
        model=ModelConfig(**sizes | model),
        train=TrainConfig(**train or {}),
        budget=Budget(updates=2),
    )
