"""Studies small enough for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.study_config import StudyConfig, study_from
from search.trial_record import TrialRecord
from spaces.counts import ParamCounts
from trainable.config import TrialConfig
from trainable.curve import Point

TINY_STUDY: dict[str, Any] = {
    "name": "tiny",
    "data": "data/grammar",
    "space": {
        "depth": [2, 3],
        "n_reservoirs": [0, 1, 2],
        "interleaving": ["bottom", "top"],
        "share_learned": ["none", "all"],
        "decoder_depth": 1,
    },
    "model": {"d_model": 16, "ffn": 32, "heads": 2},
    "train": {"lr": 5e-3, "warmup_updates": 4, "batch_tokens": 256},
    "validation": {"interval_updates": 4, "n_sentences": 10},
    "budget": {"updates": 12},
    "search": {"n_trials": 6, "n_startup": 3},
    "scheduler": {"name": "asha", "grace": 4},
}


@pytest.fixture
def tiny_study() -> Callable[..., StudyConfig]:
    """The tiny study with tables changed by keyword: ``tiny_study(search={"n_trials": 2})``."""

    def make(**tables: Any) -> StudyConfig:
        values = {**TINY_STUDY}
        for name, table in tables.items():
            values[name] = {**values.get(name, {}), **table} if isinstance(table, dict) else table
        return study_from(values, "test")

    return make


@pytest.fixture
def make_record(tiny_trial: TrialConfig) -> Callable[..., TrialRecord]:
    """A completed trial with a curve of three points, changed by keyword."""

    def make(id_: int = 0, **changes: Any) -> TrialRecord:
        values: dict[str, Any] = {
            "id": id_,
            "layout": "R1LR1L",
            "key": f"key-{id_}",
            "config": tiny_trial.model_dump(mode="json"),
            "counts": ParamCounts(total=2_000_000, learned=1_500_000, stored=1_500_000, encoder=9),
            "optuna_number": id_,
            "state": "completed",
            "curve": tuple(
                curve_point(updates, bleu) for updates, bleu in ((4, 2), (8, 6), (12, 7))
            ),
            # 4 x 1 + 4 x 4 + 4 x 6.5
            "aucc": 46.0,
            "objective": 23.0,
        }
        return TrialRecord(**{**values, **changes})

    return make


def curve_point(updates: int, bleu: float) -> Point:
    return Point(
        updates=updates,
        seconds=0.5 * updates,
        tokens=100 * updates,
        flops=1e6 * updates,
        bleu=float(bleu),
        loss=8.0 - bleu / 10,
        train_loss=8.0,
    )


@pytest.fixture
def studies_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, in which ``studies/`` will be made."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
