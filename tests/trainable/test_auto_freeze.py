"""AutoFreeze: learned encoder layers stop to learn, from the bottom."""

from pathlib import Path

import pytest
import torch
from torch import nn

from spaces.layout import Layout
from trainable.auto_freeze import AutoFreeze
from trainable.checkpoint import load_checkpoint, save_checkpoint
from trainable.ranks import Ranks
from trainable.training import Training, run_trial

from .test_ddp import curves_of_ranks
from .test_training import without_seconds


def stack(text: str) -> nn.ModuleList:
    """A parameter for each weight set in the place of its layers."""
    layout = Layout.parse(text)
    sets = [
        nn.Linear(1, 1, bias=False) if kind == "L" else nn.Module() for kind in layout.set_kinds
    ]
    return nn.ModuleList([sets[owner] for owner in layout.owners])


def watched(freezer: AutoFreeze, layers: nn.ModuleList, gradients: list[float]) -> None:
    for layer, gradient in zip(layers, gradients, strict=True):
        layer.weight.grad = torch.tensor([[gradient]])
    freezer.watch()


def test_the_lowest_layers_freeze_as_long_as_their_gradients_changed_least():
    layers = stack("LLLL")
    freezer = AutoFreeze(layers, quantile=0.5)
    watched(freezer, layers, [1.0, 1.0, 1.0, 1.0])
    assert freezer.n_to_freeze() == 0  # there is nothing to compare with
    # Changes 0.1, 0.2, 0.9, 0.3 have the median 0.25; the third stops the freezing.
    watched(freezer, layers, [1.1, 1.2, 1.9, 0.7])
    assert freezer.n_to_freeze() == 2
    freezer.freeze(2)
    assert [layer.weight.requires_grad for layer in layers] == [False, False, True, True]
    assert freezer.norms == pytest.approx((1.9, 0.7))
    # Changes 0.5 and 0.1: the lower set changed more, so nothing freezes.
    watched(freezer, layers, [5.0, 5.0, 0.95, 0.63])
    assert freezer.n_to_freeze() == 2


def test_gradients_add_up_between_two_looks():
    layers = stack("LL")
    freezer = AutoFreeze(layers, quantile=0.5)
    watched(freezer, layers, [1.0, 1.0])
    watched(freezer, layers, [-0.5, 1.0])
    freezer.n_to_freeze()
    assert freezer.norms == (0.5, 2.0)


def test_one_weight_set_is_always_left_to_learn():
    layers = stack("L1L1")
    freezer = AutoFreeze(layers, quantile=0.99)
    for _ in range(3):
        watched(freezer, layers, [1.0, 1.0])
        assert freezer.n_to_freeze() == 0


def test_a_shared_layer_waits_for_what_lies_below_the_last_place_of_it():
    layers = stack("L1RLL1L")
    freezer = AutoFreeze(layers, quantile=0.5)
    freezer.freeze(1)
    assert freezer.depths == {2}
    freezer.freeze(2)
    assert freezer.depths == {0, 2, 3}


def test_a_shared_part_of_a_layer_waits_for_the_last_place_of_it():
    own = [nn.Linear(1, 1, bias=False) for _ in range(3)]
    shared = nn.Linear(1, 1, bias=False)
    layers = nn.ModuleList([nn.Sequential(shared, own[0]), nn.Sequential(shared, own[1]), own[2]])
    freezer = AutoFreeze(layers, quantile=0.5)
    freezer.freeze(1)
    assert not own[0].weight.requires_grad
    assert shared.weight.requires_grad
    assert freezer.depths == set()  # something of depth 0 still learns
    freezer.freeze(2)
    freezer.freeze(3)
    assert not shared.weight.requires_grad
    assert freezer.depths == {0, 1}


@pytest.fixture
def freezing(tiny_trial):
    model = tiny_trial.model.model_copy(update={"encoder": Layout.parse("LRLL")})
    train = tiny_trial.train.model_copy(update={"auto_freeze": 0.9})
    validation = tiny_trial.validation.model_copy(update={"interval_updates": 3})
    return tiny_trial.model_copy(update={"model": model, "train": train, "validation": validation})


def test_frozen_layers_of_a_trial_keep_their_weights_and_cost_less(freezing):
    training = Training(freezing, ranks=Ranks())
    layers, frozen = training._model.encoder.layers, {}
    n_frozen = []
    for _ in training.points():
        for depth in training._auto_freeze.depths:
            weights = layers[depth].fc1.weight.detach().clone()
            assert torch.equal(frozen.setdefault(depth, weights), weights)
        n_frozen.append(len(frozen))
    assert n_frozen[0] == 0
    assert 0 < n_frozen[-1] < 3
    costs = [
        (b.flops - a.flops) / (b.tokens - a.tokens)
        for a, b in zip(training.curve, training.curve[1:], strict=False)
    ]
    for cost, n_before in zip(costs, n_frozen, strict=False):
        assert (cost < costs[0] * (1 - 1e-9)) == (n_before > 0)


def test_a_resumed_trial_freezes_as_an_unbroken_one(freezing, tmp_path: Path):
    unbroken = run_trial(freezing, report=lambda point: None)
    broken = Training(freezing, ranks=Ranks())
    for _ in broken.points():
        if broken._auto_freeze.depths:
            break
    assert broken._auto_freeze.depths
    assert not broken.finished
    save_checkpoint(broken.checkpoint(), tmp_path)
    resumed = run_trial(freezing, report=lambda point: None, checkpoint=load_checkpoint(tmp_path))
    assert without_seconds(resumed.curve) == without_seconds(unbroken.curve)
    assert resumed._auto_freeze.depths == unbroken._auto_freeze.depths


@pytest.mark.slow
def test_two_ranks_freeze_what_one_does(freezing, tmp_path: Path):
    model = freezing.model.model_copy(update={"dropout": 0.0})
    config = freezing.model_copy(update={"model": model})
    alone = run_trial(config, report=lambda point: None).curve
    first, second = curves_of_ranks(config, str(tmp_path / "store"), tmp_path)
    assert first == second
    assert [p["flops"] for p in first] == [p.flops for p in alone]  # so the same were frozen
    found = [point["train_loss"] for point in first]
    assert found == pytest.approx([point.train_loss for point in alone], rel=1e-4)
