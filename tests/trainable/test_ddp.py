from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spaces.layout import Layout
from tests.encoder_exports import write_export
from tests.ports import free_port
from trainable.config import TrialConfig
from trainable.training import run_trial

ROOT = Path(__file__).resolve().parents[2]


def curves_of_ranks(config: TrialConfig, address: str, folder: Path) -> list[list[dict]]:
    n_ranks = 2
    file = folder / "trial.json"
    file.write_text(config.model_dump_json())
    command = [sys.executable, str(ROOT / "tests" / "trainable" / "ddp_rank.py")]
    processes = [
        subprocess.Popen(
            [*command, str(rank), str(n_ranks), address, str(file)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
        for rank in range(n_ranks)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert all(process.returncode == 0 for process in processes)
    curves, open_connections = zip(
        *(json.loads(output.splitlines()[-1]) for output in outputs), strict=True
    )
    assert open_connections == ([],) * n_ranks
    return list(curves)


@pytest.mark.parametrize(
    ("accumulate", "encoder", "by_file"),
    [
        (1, "R1LR1L", True),
        pytest.param(2, "R1LR1L", False, marks=pytest.mark.slow),
        pytest.param(1, "La1Ra1La1Ra1", True, marks=pytest.mark.slow),
    ],
)
def test_ranks_give_the_losses_of_one_rank_with_the_same_global_batch(
    tiny_trial: TrialConfig, tmp_path: Path, accumulate: int, encoder: str, by_file: bool
):
    model = tiny_trial.model.model_copy(update={"dropout": 0.0, "encoder": Layout.parse(encoder)})
    train = tiny_trial.train.model_copy(update={"accumulate": accumulate})
    config = tiny_trial.model_copy(update={"model": model, "train": train})
    compare_with_one_rank(config, tmp_path, by_file=by_file)


@pytest.mark.slow
def test_two_ranks_learn_from_a_teacher_as_one_does(
    tiny_trial: TrialConfig, small_grammar: Path, tmp_path: Path
):
    data = shutil.copytree(small_grammar, tmp_path / "data")  # the teacher's table is put there
    teacher = write_export(data, tmp_path / "teacher", decoder="L")
    train = tiny_trial.train.model_copy(update={"distill": str(teacher)})
    model = tiny_trial.model.model_copy(update={"dropout": 0.0})
    update = {"data": str(data), "train": train, "model": model}
    compare_with_one_rank(tiny_trial.model_copy(update=update), tmp_path, by_file=True)


def compare_with_one_rank(config: TrialConfig, tmp_path: Path, *, by_file: bool) -> None:
    alone = run_trial(config, report=lambda point: None).curve
    address = str(tmp_path / "store") if by_file else f"127.0.0.1:{free_port()}"
    first, second = curves_of_ranks(config, address, tmp_path)
    assert first == second
    for name in ("loss", "train_loss"):
        assert [point[name] for point in first] == pytest.approx(
            [getattr(point, name) for point in alone], rel=1e-4
        )
    assert [point["score"] for point in first] == pytest.approx(
        [point.score for point in alone], abs=0.5
    )
