from __future__ import annotations

import copy
import hashlib
from pathlib import Path

import pytest
import torch
from torch import nn

from trainable.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from trainable.config import Budget, TrainConfig, TrialConfig
from trainable.curve import Point
from trainable.ranks import Ranks
from trainable.training import Diverged, Training, run_trial
from trainable.updates.learner import rank_shards


def without_seconds(curve: tuple[Point, ...]) -> list[dict[str, float]]:
    return [{k: v for k, v in point.to_dict().items() if k != "seconds"} for point in curve]


def digest(model: nn.Module) -> str:
    parts = [tensor.numpy().tobytes() for tensor in model.buffers()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_the_same_seed_gives_the_same_curve_but_for_seconds(tiny_trial: TrialConfig):
    first = run_trial(tiny_trial, report=lambda point: None)
    second = run_trial(tiny_trial, report=lambda point: None)
    assert without_seconds(first.curve) == without_seconds(second.curve)


def test_another_seed_gives_another_curve(tiny_trial: TrialConfig):
    first = run_trial(tiny_trial, report=lambda point: None)
    other = run_trial(tiny_trial.model_copy(update={"seed": 6}), report=lambda point: None)
    assert without_seconds(first.curve) != without_seconds(other.curve)


def test_training_lowers_the_loss(tiny_trial: TrialConfig):
    curve = run_trial(tiny_trial, report=lambda point: None).curve
    assert curve[-1].loss < curve[0].loss


def test_reports_come_at_each_interval_and_at_the_end_of_the_budget(tiny_trial: TrialConfig):
    reports: list[Point] = []
    budget = tiny_trial.budget.model_copy(update={"updates": 10})
    run_trial(tiny_trial.model_copy(update={"budget": budget}), report=reports.append)
    assert [point.updates for point in reports] == [4, 8, 10]


def test_a_token_budget_ends_a_trial(tiny_trial: TrialConfig):
    budget = tiny_trial.budget.model_copy(update={"tokens": 500})
    curve = run_trial(
        tiny_trial.model_copy(update={"budget": budget}), report=lambda point: None
    ).curve
    assert 500 <= curve[-1].tokens < 500 + 2 * tiny_trial.train.batch_tokens


def test_dropout_makes_a_resumed_trial_no_different_from_an_unbroken_one(
    tiny_trial: TrialConfig, tmp_path: Path
):
    unbroken = run_trial(tiny_trial, report=lambda point: None)
    broken = Training(tiny_trial, ranks=Ranks())
    next(broken.points())
    save_checkpoint(broken.checkpoint(), tmp_path)
    resumed = run_trial(tiny_trial, report=lambda point: None, checkpoint=load_checkpoint(tmp_path))
    assert without_seconds(resumed.curve) == without_seconds(unbroken.curve)
    assert tiny_trial.model.dropout > 0


def test_the_checkpoint_of_a_finished_trial_trains_no_more(tiny_trial: TrialConfig):
    finished = run_trial(tiny_trial, report=lambda point: None)
    again = run_trial(
        tiny_trial, report=pytest.fail, checkpoint=copy.deepcopy(finished.checkpoint())
    )
    assert again.curve == finished.curve


def test_the_checkpoint_of_a_finished_trial_goes_on_to_a_longer_budget(tiny_trial: TrialConfig):
    interval = tiny_trial.validation.interval_updates
    short = tiny_trial.model_copy(update={"budget": Budget(updates=interval)})
    long = tiny_trial.model_copy(update={"budget": Budget(updates=2 * interval)})
    finished = run_trial(short, report=lambda point: None)
    longer = run_trial(long, report=lambda point: None, checkpoint=finished.checkpoint())
    unbroken = run_trial(long, report=lambda point: None)
    assert without_seconds(longer.curve) == without_seconds(unbroken.curve)
    assert longer.finished


def test_no_update_changes_a_reservoir_and_none_is_in_the_checkpoint(tiny_trial: TrialConfig):
    training = Training(tiny_trial, ranks=Ranks())
    before = digest(training._model)
    for _ in training.points():
        pass
    assert digest(training._model) == before
    n_stored = sum(weight.numel() for weight in training.checkpoint().weights.values())
    assert n_stored == training.counts.stored


def test_accumulated_gradients_give_the_same_losses_as_one_pass(tiny_trial: TrialConfig):
    model = tiny_trial.model.model_copy(update={"dropout": 0.0})
    whole = tiny_trial.model_copy(update={"model": model})
    train = tiny_trial.train.model_copy(update={"accumulate": 3})
    parts = whole.model_copy(update={"train": train})
    expected = run_trial(whole, report=lambda point: None).curve
    accumulated = run_trial(parts, report=lambda point: None).curve
    assert [p.loss for p in accumulated] == pytest.approx([p.loss for p in expected], rel=1e-4)
    assert [p.train_loss for p in accumulated] == pytest.approx(
        [p.train_loss for p in expected], rel=1e-4
    )


def test_the_shards_of_all_ranks_are_the_batch(tiny_trial: TrialConfig):
    indices = torch.arange(10).numpy()
    shards = [
        shard
        for rank in range(3)
        for shard in rank_shards(indices, Ranks(rank=rank, n_ranks=3), accumulate=2)
    ]
    assert len(shards) == 6
    assert sorted(index for shard in shards for index in shard.tolist()) == list(range(10))


def test_a_loss_that_is_not_finite_ends_the_trial_with_its_reason(tiny_trial: TrialConfig):
    train = TrainConfig(lr=1e38, warmup_updates=1, batch_tokens=256, clip_norm=None)
    with pytest.raises(Diverged, match=r"loss is (nan|inf)"):
        run_trial(tiny_trial.model_copy(update={"train": train}), report=lambda point: None)


def test_a_checkpoint_survives_its_files(tiny_trial: TrialConfig, tmp_path: Path):
    training = Training(tiny_trial, ranks=Ranks())
    next(training.points())
    written: Checkpoint = training.checkpoint()
    save_checkpoint(written, tmp_path)
    read = load_checkpoint(tmp_path)
    assert read.curve == written.curve
    assert all(torch.equal(read.weights[name], weight) for name, weight in written.weights.items())
