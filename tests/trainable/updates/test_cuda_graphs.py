"""CUDA graphs on a CUDA device: `pytest -m gpu`."""

from __future__ import annotations

import functools
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainable.test_gpu import losses, on_gpu, without_dropout
from tests.trainable.updates.learners import make_updates, some_updates, state, trial_of
from tests.trainable.updates.test_bucketed import LAYOUTS
from trainable.checkpoint import load_checkpoint, save_checkpoint
from trainable.config import Budget, RanksConfig, TrialConfig
from trainable.ranks import Ranks
from trainable.training import Training, run_trial
from trainable.updates import choice, compiled
from trainable.updates.bucketed import BucketedUpdates
from trainable.updates.cuda_graphs import CudaGraphs
from trainable.updates.eager import EagerUpdates
from trainable.updates.recorder import Work

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.timeout(300),  # the compiler's first use takes a minute
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, none is here"),
]


@pytest.fixture(autouse=True)
def short_trials_too(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """CUDA graphs for short trials too, without compilation."""
    monkeypatch.setattr(choice, "MIN_UPDATES_FOR_GRAPHS", 0)
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.fixture
def trial(tiny_trial: TrialConfig) -> TrialConfig:
    """Twenty updates on a GPU in fp32."""
    longer = tiny_trial.model_copy(update={"budget": Budget(updates=20)})
    return on_gpu(longer, precision="fp32")


def eagerly(trial: TrialConfig, monkeypatch: pytest.MonkeyPatch) -> Training:
    with monkeypatch.context() as patch:
        patch.setattr(choice, "MIN_UPDATES_FOR_GRAPHS", 10**9)
        return run_trial(trial, report=lambda point: None)


def in_graphs(trial: TrialConfig, **options: Any) -> Training:
    training = run_trial(trial, report=lambda point: None, **options)
    assert isinstance(training._updates, BucketedUpdates)
    assert training._updates.n_recordings, "it has become eager"
    return training


def assert_alike(ours: Training, theirs: Training, *, rel: float) -> None:
    for our_losses, their_losses in zip(losses(ours.curve), losses(theirs.curve), strict=True):
        assert our_losses == pytest.approx(their_losses, rel=rel)
    weights, expected = ours.checkpoint().weights, theirs.checkpoint().weights
    away = sum(float((weights[name] - expected[name]).square().sum()) for name in weights)
    norm = sum(float(weight.square().sum()) for weight in expected.values())
    assert (away / norm) ** 0.5 < 10 * rel


@pytest.mark.parametrize("model", [m for m in LAYOUTS if "G" not in str(m["encoder"])])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_graphs_learn_what_eager_updates_learn(
    trial: TrialConfig,
    model: dict[str, object],
    accumulate: int,
    monkeypatch: pytest.MonkeyPatch,
):
    trial = trial_of(trial, model=model, accumulate=accumulate)
    assert_alike(in_graphs(trial), eagerly(trial, monkeypatch), rel=1e-3)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_compiled_graphs_learn_what_eager_updates_learn(
    trial: TrialConfig, precision: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(choice, "MIN_UPDATES_FOR_COMPILING", 0)
    trial = on_gpu(without_dropout(trial), precision=precision)
    rel = 1e-3 if precision == "fp32" else 2e-2
    graphs = in_graphs(trial)
    assert graphs._updates._recorder._compiled, "the compiler failed"
    assert_alike(graphs, eagerly(trial, monkeypatch), rel=rel)


def test_dropout_depends_on_the_updates_number_alone(trial: TrialConfig):
    trial = on_gpu(trial, lr=1e-30)
    model = trial.model.model_copy(update={"dropout": 0.3})
    training = Training(trial.model_copy(update={"model": model}), ranks=Ranks())
    learner = training._learner()
    (update,) = some_updates(learner, 1)
    found = []
    for number in (1, 2, 1, 2):
        learner.loss_sum.zero_()
        training._updates.update(update, number=number)
        found.append(learner.loss_sum.item())
    assert found[0] == pytest.approx(found[2], rel=1e-5)
    assert found[1] == pytest.approx(found[3], rel=1e-5)
    assert abs(found[0] - found[1]) > 1e-4 * found[0]


@pytest.mark.parametrize("compiling", [0, 10**9])
def test_dropout_costs_what_it_costs_eagerly(
    trial: TrialConfig, compiling: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(choice, "MIN_UPDATES_FOR_COMPILING", compiling)
    model = trial.model.model_copy(update={"dropout": 0.3})
    trial = trial.model_copy(update={"model": model})
    graphs, again, eager = in_graphs(trial), in_graphs(trial), eagerly(trial, monkeypatch)
    for ours, theirs in zip(losses(graphs.curve), losses(again.curve), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    for ours, theirs in zip(losses(graphs.curve), losses(eager.curve), strict=True):
        assert ours == pytest.approx(theirs, rel=5e-2)  # other masks


def test_no_replay_waits_for_the_gpu(trial: TrialConfig):
    training = Training(on_gpu(trial, precision="bf16"), ranks=Ranks())
    updates = some_updates(training._learner(), 20)
    make_updates(training._updates, updates)  # records every bucket
    torch.cuda.set_sync_debug_mode("error")
    make_updates(training._updates, updates)
    torch.cuda.set_sync_debug_mode("default")
    assert training._updates.n_recordings > 1


class Looking:
    """Recorder of CUDA graphs that calls ``look`` after each recording."""

    def __init__(self, device: torch.device, look: Any) -> None:
        self._graphs, self._look = CudaGraphs(device, compiled=False), look

    def record(self, work: Work, *, warm_up: Work) -> Work:
        replay = self._graphs.record(work, warm_up=warm_up)
        self._look()
        return replay


def test_a_recording_changes_neither_weights_nor_adams_state(trial: TrialConfig):
    training = Training(trial, ranks=Ranks())
    learner = training._learner()
    before: list[torch.Tensor] = []
    n_looks = 0

    def look() -> None:
        nonlocal n_looks
        n_looks += 1
        assert all(torch.equal(*pair) for pair in zip(state(learner), before, strict=True))

    strategy = BucketedUpdates(learner, functools.partial(Looking, learner.device, look))
    for number, update in enumerate(some_updates(learner, 10), start=1):
        before = state(learner)
        strategy.update(update, number=number)
    assert n_looks == strategy.n_recordings > 1


def test_a_trial_in_graphs_goes_on_as_if_unbroken(trial: TrialConfig, tmp_path: Path):
    unbroken = in_graphs(trial)
    broken = Training(trial, ranks=Ranks())
    next(broken.points())
    save_checkpoint(broken.checkpoint(), tmp_path)
    resumed = in_graphs(trial, checkpoint=load_checkpoint(tmp_path))
    assert_alike(resumed, unbroken, rel=1e-4)
    assert resumed.warmup_s > 0


def test_a_cpu_goes_on_from_a_gpus_checkpoint(trial: TrialConfig, tmp_path: Path):
    trial = without_dropout(trial)
    broken = Training(trial, ranks=Ranks())
    next(broken.points())
    save_checkpoint(broken.checkpoint(), tmp_path)
    on_cpu = trial.model_copy(update={"ranks": RanksConfig()})
    resumed = run_trial(on_cpu, report=lambda point: None, checkpoint=load_checkpoint(tmp_path))
    for ours, theirs in zip(losses(resumed.curve), losses(in_graphs(trial).curve), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)


def test_auto_freeze_records_anew(trial: TrialConfig, monkeypatch: pytest.MonkeyPatch):
    trial = trial_of(trial, model={"encoder": "LRLL"}, auto_freeze=0.9)
    graphs, eager = in_graphs(trial), eagerly(trial, monkeypatch)
    assert graphs._auto_freeze.n_frozen == eager._auto_freeze.n_frozen > 0
    assert_alike(graphs, eager, rel=1e-3)


@pytest.mark.parametrize("breaks_the_capture", [False, True])
def test_what_can_not_be_recorded_goes_on_eagerly(
    trial: TrialConfig,
    breaks_the_capture: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    model = trial.model.model_copy(update={"dropout": 0.3})
    trial = trial.model_copy(update={"model": model})
    expected = eagerly(trial, monkeypatch)
    training = Training(trial, ranks=Ranks())

    def wait(module: Any, inputs: Any, output: torch.Tensor) -> None:
        if torch.cuda.is_current_stream_capturing() or not breaks_the_capture:
            output.sum().item()

    training._model.encoder.layers[0].register_forward_hook(wait)
    with caplog.at_level(logging.WARNING):
        for _ in training.points():
            pass
    assert training._updates.n_recordings == 0
    assert [record.getMessage()[:32] for record in caplog.records] == [
        "updates are eager from here on: "
    ]
    assert_alike(training, expected, rel=1e-3)


def test_without_a_compiler_graphs_hold_plain_layers(
    trial: TrialConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def no_compiler(function: Any, **options: Any) -> Any:
        raise RuntimeError("Failed to find C compiler")

    monkeypatch.setattr(choice, "MIN_UPDATES_FOR_COMPILING", 0)
    monkeypatch.setattr(compiled.torch, "compile", no_compiler)
    compiled._compiled.cache_clear()
    with caplog.at_level(logging.WARNING):
        in_graphs(trial)
    assert [record.getMessage() for record in caplog.records] == [
        "layers stay uncompiled: Failed to find C compiler"
    ]


def test_layer_drop_and_the_bigru_are_eager(trial: TrialConfig):
    for other in (
        on_gpu(trial, layer_drop=0.2),
        trial_of(trial, model={"encoder": "LGL"}),
    ):
        training = run_trial(other, report=lambda point: None)
        assert isinstance(training._updates, EagerUpdates)
        assert training.warmup_s > 0


def test_recording_is_not_on_the_clock(trial: TrialConfig):
    training = in_graphs(trial)
    assert training.warmup_s > training.curve[-1].seconds


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
@pytest.mark.parametrize("n_updates", [20, 300])  # eager, in graphs
def test_two_ranks_on_two_gpus_learn_what_one_learns(
    trial: TrialConfig, n_updates: int, tmp_path: Path
):
    trial = without_dropout(trial).model_copy(update={"budget": Budget(updates=n_updates)})
    trial = trial.model_copy(
        update={"validation": trial.validation.model_copy(update={"interval_updates": 10})}
    )
    alone = run_trial(trial, report=lambda point: None)
    two = trial.model_copy(update={"ranks": RanksConfig(n_ranks=2, gpus_per_rank=1.0)})
    config = tmp_path / "trial.json"
    config.write_text(two.model_dump_json())
    script, address = ROOT / "tests" / "trainable" / "ddp_rank.py", str(tmp_path / "store")
    processes = [
        subprocess.Popen(
            [sys.executable, script, str(rank), "2", address, config],
            env=os.environ | {"CUDA_VISIBLE_DEVICES": str(rank), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        for rank in (0, 1)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert all(process.returncode == 0 for process in processes)
    curve, _ = json.loads(outputs[0].splitlines()[-1])
    found = [(point["loss"], point["train_loss"]) for point in curve[:2]]
    for ours, theirs in zip(found, losses(alone.curve), strict=False):
        assert ours == pytest.approx(theirs, rel=1e-2)
