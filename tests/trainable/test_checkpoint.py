from __future__ import annotations

from pathlib import Path

import pytest
import torch

from trainable.checkpoint import BrokenCheckpoint, Checkpoint, load_checkpoint, save_checkpoint

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


def test_nothing_in_a_checkpoint_needs_unpickling(written: Path):
    torch.load(written / "optimizer.pt", weights_only=True)
