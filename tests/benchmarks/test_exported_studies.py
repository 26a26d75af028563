"""Exports of benchmarks: each is trained once, and has a cost wherever the program works."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.exported_studies import exported_study
from trainable.export_files import exported_config


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_study_is_trained_and_exported_once(kinds: Path, tmp_path: Path):
    settings = {
        "data": str(kinds),
        "seed": 3,
        "space": {"encoder": ["RL"]},
        "model": {"d_model": 16, "ffn": 32, "heads": 2},
        "train": {"warmup_updates": 1},
        "validation": {"interval_updates": 1},
        "budget": {"updates": 2},
    }
    made = exported_study(tmp_path / "place", "tiny", **settings)
    config = exported_config(made.export, "the export")
    assert (str(config.model.encoder), config.seed) == ("RL", 3)
    assert made.flops > 0
    assert made.seconds > 0
    weights = (made.export / "model.safetensors").stat().st_mtime_ns
    assert exported_study(tmp_path / "place", "tiny", **settings) == made
    assert (made.export / "model.safetensors").stat().st_mtime_ns == weights
