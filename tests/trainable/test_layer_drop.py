"""LayerDrop: an update passes over some encoder layers, all ranks over the same."""

from pathlib import Path

import pytest

from spaces.layout import Layout
from trainable.checkpoint import load_checkpoint, save_checkpoint
from trainable.layer_drop import depths_left_out
from trainable.ranks import Ranks
from trainable.training import Training, run_trial

from .test_ddp import curves_of_ranks
from .test_training import without_seconds


@pytest.fixture
def dropping(tiny_trial):
    model = tiny_trial.model.model_copy(update={"encoder": Layout.parse("L1RLL1L")})
    train = tiny_trial.train.model_copy(update={"layer_drop": 0.5})
    return tiny_trial.model_copy(update={"model": model, "train": train})


def test_each_depth_is_left_out_by_its_chance_and_by_seed_and_update_alone():
    drawn = [depths_left_out(8, chance=0.25, seed=3, update=n) for n in range(2000)]
    for depth in range(8):
        assert sum(depth in d for d in drawn) / 2000 == pytest.approx(0.25, abs=0.04)
    assert drawn[7] == depths_left_out(8, chance=0.25, seed=3, update=7)
    assert drawn != [depths_left_out(8, chance=0.25, seed=4, update=n) for n in range(2000)]


def test_a_layer_passed_over_neither_works_nor_learns(dropping):
    training = Training(dropping, ranks=Ranks())
    depths = training._model.encoder.layers
    met = []
    for layer in set(depths):
        layer.register_forward_hook(lambda m, *_: met.append(m) if m.training else None)
    for _ in training.points():
        continue
    whole = list(super(type(depths), depths).__iter__())
    expected = [
        layer
        for update in range(1, 13)
        for depth, layer in enumerate(whole)
        if depth not in depths_left_out(5, chance=0.5, seed=dropping.seed, update=update)
    ]
    assert met == expected
    last_out = depths.left_out
    dropped = {id(p) for p in depths.parameters_left_out()}
    for depth, layer in enumerate(whole):
        out = all(d in last_out for d in range(5) if whole[d] is layer)
        for parameter in layer.parameters():
            assert (parameter.grad is None) == out == (id(parameter) in dropped), depth


def test_a_resumed_trial_passes_over_what_an_unbroken_one_does(dropping, tmp_path: Path):
    unbroken = run_trial(dropping, report=lambda point: None)
    broken = Training(dropping, ranks=Ranks())
    next(broken.points())
    save_checkpoint(broken.checkpoint(), tmp_path)
    resumed = run_trial(dropping, report=lambda point: None, checkpoint=load_checkpoint(tmp_path))
    assert without_seconds(resumed.curve) == without_seconds(unbroken.curve)


@pytest.mark.slow
def test_two_ranks_drop_what_one_does(dropping, tmp_path: Path):
    model = dropping.model.model_copy(update={"dropout": 0.0, "tied": "none"})
    train = dropping.train.model_copy(update={"accumulate": 2})
    config = dropping.model_copy(update={"model": model, "train": train})
    alone = run_trial(config, report=lambda point: None).curve
    first, second = curves_of_ranks(config, str(tmp_path / "store"), tmp_path)
    assert first == second
    found = [point["train_loss"] for point in first]
    assert found == pytest.approx([point.train_loss for point in alone], rel=1e-4)
