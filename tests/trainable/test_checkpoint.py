from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from trainable.checkpoint import BrokenCheckpoint, Checkpoint, load_checkpoint, save_checkpoint
from trainable.config import TrialConfig
from trainable.ranks import Ranks
from trainable.training import Training

FILES = ("weights.safetensors", "best.safetensors", "optimizer.pt", "progress.json")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    checkpoint = Checkpoint(
        weights={"w": torch.ones(3)},
        best_weights={"w": torch.zeros(3)},
        optimizer={"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": []},
        curve=(),
        finished=False,
    )
    save_checkpoint(checkpoint, tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_in_half_breaks_the_checkpoint(written: Path, name: str):
    data = (written / name).read_bytes()
    (written / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(BrokenCheckpoint, match=name):
        load_checkpoint(written)


@pytest.mark.parametrize("name", [*FILES, "checksums.json"])
def test_a_missing_file_breaks_the_checkpoint(written: Path, name: str):
    (written / name).unlink()
    with pytest.raises(BrokenCheckpoint):
        load_checkpoint(written)


def test_weights_that_cannot_be_written_are_an_error_of_the_system(written: Path):
    checkpoint = load_checkpoint(written)
    with pytest.raises(FileNotFoundError, match=r"weights\.safetensors"):
        save_checkpoint(checkpoint, written / "missing")


def test_nothing_in_a_checkpoint_needs_unpickling(written: Path):
    torch.load(written / "optimizer.pt", weights_only=True)


def test_no_file_of_a_checkpoint_holds_a_reservoir(tiny_trial: TrialConfig, tmp_path: Path):
    budget = tiny_trial.budget.model_copy(update={"updates": 2})
    training = Training(tiny_trial.model_copy(update={"budget": budget}), ranks=Ranks())
    for _ in training.points():
        save_checkpoint(training.checkpoint(), tmp_path)
    assert "R" in tiny_trial.model.encoder.kinds
    assert training.counts.learned < training.counts.total
    optimizer = torch.load(tmp_path / "optimizer.pt", weights_only=True)["state"].values()
    stored = {
        "weights": load_file(tmp_path / "weights.safetensors").values(),
        "best weights": load_file(tmp_path / "best.safetensors").values(),
        "first moments": [state["exp_avg"] for state in optimizer],
        "second moments": [state["exp_avg_sq"] for state in optimizer],
    }
    for name, tensors in stored.items():
        assert sum(tensor.numel() for tensor in tensors) == training.counts.learned, name
