"""Training on a CUDA device: `pytest -m gpu`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from trainable.checkpoint import load_checkpoint, save_checkpoint
from trainable.collate import Indices, inputs_on_device
from trainable.config import RanksConfig, TrainConfig, TrialConfig
from trainable.curve import Point
from trainable.decoding import encode
from trainable.fixed_greedy import fixed_greedy
from trainable.greedy import greedy
from trainable.ranks import Ranks
from trainable.training import Training, run_trial

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, none is here"),
]


def on_gpu(trial: TrialConfig, **train: object) -> TrialConfig:
    """``trial`` on a GPU; a keyword changes a setting of its training."""
    return trial.model_copy(
        update={
            "ranks": RanksConfig(gpus_per_rank=1.0),
            "train": TrainConfig(**trial.train.model_dump() | train),
        }
    )


def without_dropout(trial: TrialConfig) -> TrialConfig:
    return trial.model_copy(update={"model": trial.model.model_copy(update={"dropout": 0.0})})


def losses(curve: tuple[Point, ...]) -> list[tuple[float, float]]:
    return [(point.loss, point.train_loss) for point in curve]


def test_no_update_waits_for_the_gpu(tiny_trial: TrialConfig, monkeypatch: pytest.MonkeyPatch):
    update = Training._update
    n_updates = 0

    def watched(training: Training, indices: Indices) -> None:
        nonlocal n_updates
        n_updates += 1
        # The first one sets up the optimizer's state and the library's workspaces.
        torch.cuda.set_sync_debug_mode("default" if n_updates == 1 else "error")
        try:
            update(training, indices)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(Training, "_update", watched)
    run_trial(on_gpu(tiny_trial, layer_drop=0.2), report=lambda point: None)
    assert n_updates == tiny_trial.budget.updates


def test_a_gpu_gives_the_curve_that_a_cpu_gives(tiny_trial: TrialConfig):
    trial = without_dropout(tiny_trial)  # the two draw other masks
    on_the_cpu = run_trial(trial, report=lambda point: None).curve
    gpu = run_trial(on_gpu(trial, precision="fp32"), report=lambda point: None).curve
    for ours, theirs in zip(losses(gpu), losses(on_the_cpu), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)


def test_bf16_learns_what_fp32_learns(tiny_trial: TrialConfig):
    exact = run_trial(on_gpu(tiny_trial, precision="fp32"), report=lambda point: None).curve
    rounded = run_trial(on_gpu(tiny_trial, precision="bf16"), report=lambda point: None).curve
    assert rounded[-1].loss < rounded[0].loss
    assert rounded[-1].loss == pytest.approx(exact[-1].loss, rel=2e-2)


def test_a_trial_goes_on_from_its_checkpoint(tiny_trial: TrialConfig, tmp_path: Path):
    trial = on_gpu(tiny_trial, precision="fp32")
    unbroken = run_trial(trial, report=lambda point: None)
    broken = Training(trial, ranks=Ranks())
    next(broken.points())
    save_checkpoint(broken.checkpoint(), tmp_path)
    resumed = run_trial(trial, report=lambda point: None, checkpoint=load_checkpoint(tmp_path))
    for ours, theirs in zip(losses(resumed.curve), losses(unbroken.curve), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)  # sums of a GPU vary in their order


def test_a_graph_of_steps_decodes_what_growing_steps_decode(tiny_trial: TrialConfig):
    training = Training(on_gpu(tiny_trial, precision="fp32"), ranks=Ranks())
    for _ in training.points():
        pass
    model = training._model.eval()
    update = next(training.task.updates(tiny_trial.train, seed=2, skip=0))
    batch = inputs_on_device(update.collate(update.indices), training._device)
    with torch.no_grad():
        encoder_out = encode(model, batch)
    for max_length in (1, 9, 40):
        graph = fixed_greedy(model, encoder_out, max_length=max_length)
        growing = greedy(model, encoder_out, max_length=max_length)
        assert [words.tolist() for words in graph] == [words.tolist() for words in growing]


def test_a_bf16_validation_scores_nearly_as_fp32s(tiny_trial: TrialConfig):
    training = Training(on_gpu(tiny_trial, precision="bf16"), ranks=Ranks())
    points = list(training.points())
    exact = training.task.validation_set(
        on_gpu(tiny_trial, precision="fp32"), ranks=Ranks(), device=training._device
    ).measure(training._model)
    assert exact.loss == pytest.approx(points[-1].loss, rel=1e-2)
