"""The choice between CUDA graphs and eager updates, and what compiled code needs."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import pytest
import torch

from tests.trainable.updates.learners import make_learner, trial_of
from trainable.config import Budget, TrialConfig
from trainable.reservoirs.builders import built_letters, reservoir_builder
from trainable.updates import choice
from trainable.updates.adam import load_adam
from trainable.updates.bucketed import BucketedUpdates
from trainable.updates.choice import (
    MIN_UPDATES_FOR_COMPILING,
    MIN_UPDATES_FOR_GRAPHS,
    choose_updates,
    expected_updates,
    reason_for_eager,
)
from trainable.updates.compiled import cache_folder
from trainable.updates.eager import EagerUpdates


@pytest.mark.parametrize("encoder", ["LLLL", "R1L1R1L1", "LFCR", "La1Lf1La1Lf1"])
@pytest.mark.parametrize("train", [{}, {"accumulate": 2}, {"auto_freeze": 0.5}])
def test_a_long_trial_gets_graphs(tiny_trial: TrialConfig, encoder: str, train: dict[str, object]):
    trial = trial_of(tiny_trial, model={"encoder": encoder}, **train)
    assert reason_for_eager(trial, MIN_UPDATES_FOR_GRAPHS) is None


def test_what_no_graph_can_hold_is_eager_and_says_why(tiny_trial: TrialConfig):
    dropping = trial_of(tiny_trial, model={}, layer_drop=0.1)
    assert reason_for_eager(dropping, 1e6).startswith("train.layer_drop leaves out other layers")
    recurrent = trial_of(tiny_trial, model={"encoder": "LGR"})
    assert reason_for_eager(recurrent, 1e6) == "kind G has to know the lengths of its sentences"
    assert reason_for_eager(tiny_trial, 12) == "12 updates are too few to record graphs for"


def test_the_bigru_alone_of_our_kinds_waits_for_values():
    assert [k for k in sorted(built_letters()) if not reservoir_builder(k).fixed_shapes] == ["G"]


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ({"updates": 50}, 50),
        ({"tokens": 2560}, 10),
        ({"seconds": 60.0}, 6000),
        ({"updates": 5000, "seconds": 3.0}, 300),
        ({"flops": 1e15}, float("inf")),
    ],
)
def test_a_budget_tells_how_many_updates_to_expect(
    tiny_trial: TrialConfig, budget: dict[str, float], expected: float
):
    trial = tiny_trial.model_copy(update={"budget": Budget(**budget)})
    assert expected_updates(trial) == expected


def test_a_cpu_makes_eager_updates(tiny_trial: TrialConfig):
    learner = make_learner(tiny_trial, tensor_lr=False)
    assert isinstance(choose_updates(learner, 1e6), EagerUpdates)


@pytest.mark.parametrize(
    ("n_updates", "expected"),
    [
        (MIN_UPDATES_FOR_GRAPHS - 1, None),
        (MIN_UPDATES_FOR_GRAPHS, False),
        (MIN_UPDATES_FOR_COMPILING - 1, False),
        (MIN_UPDATES_FOR_COMPILING, True),
    ],
)
def test_a_gpu_records_longer_trials_and_compiles_the_longest(
    tiny_trial: TrialConfig,
    n_updates: int,
    expected: bool | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(choice, "CudaGraphs", lambda device, *, compiled: compiled)
    learner = make_learner(tiny_trial, tensor_lr=True)
    learner = dataclasses.replace(learner, device=torch.device("cuda"))
    with caplog.at_level(logging.INFO):
        strategy = choose_updates(learner, n_updates)
    if expected is None:
        assert isinstance(strategy, EagerUpdates)
        assert [r.getMessage() for r in caplog.records] == [
            "updates are eager: 199 updates are too few to record graphs for"
        ]
    else:
        assert isinstance(strategy, BucketedUpdates)
        assert strategy._recorder is expected


def test_a_gpus_checkpoint_keeps_neither_rate_nor_flags_on_a_cpu(tiny_trial: TrialConfig):
    gpu, cpu = (make_learner(tiny_trial, tensor_lr=tensor) for tensor in (True, False))
    gpu.make_adams_state()
    load_adam(cpu.optimizer, gpu.optimizer.state_dict())
    (group,) = cpu.optimizer.param_groups
    assert isinstance(group["lr"], float)
    assert not group["capturable"]
    load_adam(gpu.optimizer, cpu.optimizer.state_dict())
    (group,) = gpu.optimizer.param_groups
    assert isinstance(group["lr"], torch.Tensor)
    assert group["capturable"]


def test_compiled_code_is_kept_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = cache_folder()
    assert folder == tmp_path / "reservoir-search" / "compiled"
    assert folder.stat().st_mode & 0o777 == 0o700
