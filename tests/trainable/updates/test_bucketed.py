"""Updates on padded buckets change what eager ones change, and recording changes nothing."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import threading
import time
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainable.updates.learners import (
    make_learner,
    make_updates,
    some_updates,
    state,
    trial_of,
)
from trainable import training as training_module
from trainable.buckets import Bucket
from trainable.config import TrialConfig
from trainable.curve import Point
from trainable.ranks import Ranks
from trainable.training import Training, run_trial
from trainable.updates import bucketed
from trainable.updates.bucketed import BucketedUpdates
from trainable.updates.eager import EagerUpdates
from trainable.updates.learner import Learner
from trainable.updates.recorder import RunAgain, Work

LAYOUTS: list[dict[str, object]] = [
    {"encoder": "LRFC", "decoder": "LR", "norm": "pre"},
    {"encoder": "R1L1R1L1", "decoder": "L1L1", "norm": "post"},
    {"encoder": "La1Lf1La1Lf1", "decoder": "Lw1Lw1", "norm": "post", "tied": "none"},
    {"encoder": "GLCL", "decoder": "L", "norm": "pre", "embedding_dim": 8},
    {"encoder": "LRLF", "decoder": "R1LR1", "norm": "post", "reservoir_backward": "around"},
]


def loss_and_gradients(learner: Learner, bucket: Bucket | None) -> tuple[float, list[Tensor]]:
    """Of one batch, padded to ``bucket`` or as eager updates take it."""
    update = some_updates(learner, 1)[0]
    batch = update.collate(update.indices, bucket)
    learner.clear_gradients()
    loss_of = learner.task.loss if bucket is None else learner.task.padded_loss
    features = learner.features(learner.model, batch)
    loss = loss_of(learner.model, features, batch, learner.config.train)
    loss.backward()
    return loss.item(), [p.grad.clone() for p in learner.learned()]


@pytest.mark.parametrize("model", LAYOUTS, ids=lambda model: f"{model['encoder']}-{model['norm']}")
@pytest.mark.parametrize(("dtype", "rel"), [(torch.float64, 1e-11), (torch.float32, 1e-5)])
def test_padding_changes_neither_loss_nor_gradients(
    tiny_trial: TrialConfig, model: dict[str, object], dtype: torch.dtype, rel: float
):
    learner = make_learner(trial_of(tiny_trial, model=model), tensor_lr=False, dtype=dtype)
    update = some_updates(learner, 1)[0]
    expected, gradients = loss_and_gradients(learner, None)
    for n_more in (0, 3):
        lengths = (update.lengths[0] + 5, update.lengths[1] + 6)
        bucket = Bucket(n_rows=len(update.indices) + n_more, lengths=lengths)
        loss, padded = loss_and_gradients(learner, bucket)
        assert loss == pytest.approx(expected, rel=rel)
        scale = max(float(gradient.abs().max()) for gradient in gradients)
        for ours, theirs in zip(padded, gradients, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=rel, atol=10 * rel * scale)


@pytest.mark.parametrize(("accumulate", "n_updates"), [(1, 6), (3, 4), (30, 1)])
def test_bucketed_updates_learn_what_eager_ones_learn(
    tiny_trial: TrialConfig, accumulate: int, n_updates: int
):
    trial = trial_of(
        tiny_trial,
        model={"encoder": "R1L1R1L1", "decoder": "LL"},
        accumulate=accumulate,
        weight_decay=0.1,
        clip_norm=0.5,
    )
    eager, padded = make_learner(trial, tensor_lr=False), make_learner(trial, tensor_lr=True)
    updates = some_updates(eager, n_updates)
    if accumulate == 30:
        assert len(updates[0].indices) < 30  # some shards are empty
    make_updates(EagerUpdates(eager), updates)
    make_updates(BucketedUpdates(padded, RunAgain), updates)
    for ours, theirs in zip(state(padded), state(eager), strict=True):
        # The rate is rounded to fp32 where it is a tensor.
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)


class Watched:
    """Recorder that fails at recording ``fails_at``, and calls ``look`` at each of them."""

    def __init__(self, look: Any = lambda: None, fails_at: int = -1) -> None:
        self._look, self._fails_at = look, fails_at
        self._numbers = itertools.count(1)

    def record(self, work: Work, *, warm_up: Work) -> Work:
        warm_up()
        self._look()
        if next(self._numbers) == self._fails_at:
            raise RuntimeError("this kernel waits\nfor the host")
        return work


def test_a_recording_changes_nothing(tiny_trial: TrialConfig):
    learner = make_learner(trial_of(tiny_trial, model={"encoder": "LRL"}), tensor_lr=True)
    before: list[Tensor] = []
    n_looks = 0

    def look() -> None:
        nonlocal n_looks
        n_looks += 1
        for now, then in zip(state(learner), before, strict=True):
            assert torch.equal(now, then)

    strategy = BucketedUpdates(learner, lambda: Watched(look))
    for number, update in enumerate(some_updates(learner, 8), start=1):
        before = state(learner)
        strategy.update(update, number=number)
        assert not all(torch.equal(*pair) for pair in zip(state(learner), before, strict=True))
    assert n_looks == strategy.n_recordings > 1


@pytest.mark.parametrize("fails_at", [1, 3])
def test_a_recording_that_fails_loses_no_update_and_doubles_none(
    tiny_trial: TrialConfig, fails_at: int, caplog: pytest.LogCaptureFixture
):
    trial = trial_of(tiny_trial, model={"encoder": "R1L1R1L1"})
    eager, failing = make_learner(trial, tensor_lr=False), make_learner(trial, tensor_lr=True)
    updates = some_updates(eager, 10)
    make_updates(EagerUpdates(eager), updates)
    with caplog.at_level(logging.INFO):
        make_updates(BucketedUpdates(failing, lambda: Watched(fails_at=fails_at)), updates)
    for ours, theirs in zip(state(failing), state(eager), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)
    assert [record.getMessage() for record in caplog.records] == [
        "updates are eager from here on: RuntimeError: this kernel waits"
    ]


def test_recording_is_not_on_the_clock(tiny_trial: TrialConfig):
    learner = make_learner(trial_of(tiny_trial, model={"encoder": "L"}), tensor_lr=True)
    watch = learner.stopwatch
    began = time.perf_counter()
    watch.start()
    strategy = BucketedUpdates(learner, lambda: Watched(lambda: time.sleep(0.5)))
    make_updates(strategy, some_updates(learner, 1))
    watch.stop()
    assert watch.paused_s > 0.5
    assert watch.seconds + watch.paused_s == pytest.approx(time.perf_counter() - began, abs=0.2)
    assert watch.seconds > 0


class Together(Ranks):
    """One of two ranks that are threads of this process."""

    def gather(self, value: Any) -> list[Any]:
        return [value]


def test_two_ranks_learn_what_one_learns(tiny_trial: TrialConfig, monkeypatch: pytest.MonkeyPatch):
    trial = trial_of(tiny_trial, model={"encoder": "R1LR1L"}, accumulate=2)
    alone = make_learner(trial, tensor_lr=False)
    ranks = [
        make_learner(trial, tensor_lr=True, ranks=Together(rank=rank, n_ranks=2)) for rank in (0, 1)
    ]
    updates = some_updates(alone, 5)
    barrier = threading.Barrier(2, timeout=60)
    flats: list[Tensor] = []

    def all_reduce(flat: Tensor) -> None:
        flats.append(flat)
        barrier.wait()
        total = flats[0] + flats[1]
        barrier.wait()
        flat.copy_(total)
        if barrier.wait() == 0:
            flats.clear()
        barrier.wait()

    monkeypatch.setattr(bucketed.distributed, "all_reduce", all_reduce)
    strategies = [BucketedUpdates(learner, RunAgain) for learner in ranks]
    threads = [threading.Thread(target=make_updates, args=(s, updates)) for s in strategies]
    for thread in threads:
        thread.start()
    make_updates(EagerUpdates(alone), updates)
    for thread in threads:
        thread.join()
    expected = state(alone)
    for learner in ranks:
        for ours, theirs in zip(state(learner)[:-1], expected[:-1], strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)
    losses = sum(learner.loss_sum for learner in ranks)
    torch.testing.assert_close(losses, expected[-1], rtol=1e-6, atol=0.0)


@pytest.fixture
def on_buckets(monkeypatch: pytest.MonkeyPatch) -> list[BucketedUpdates]:
    """Trainings on buckets, as on a GPU; the list gets the strategy of each."""
    made: list[BucketedUpdates] = []

    def choose(learner: Learner, n_updates: float) -> BucketedUpdates:
        made.append(BucketedUpdates(learner, RunAgain))
        return made[-1]

    monkeypatch.setattr(training_module, "choose_updates", choose)
    return made


def losses(curve: tuple[Point, ...]) -> list[tuple[float, float]]:
    return [(point.loss, point.train_loss) for point in curve]


def test_auto_freeze_freezes_on_buckets_what_it_freezes_on_eager_updates(
    tiny_trial: TrialConfig, request: pytest.FixtureRequest
):
    trial = trial_of(tiny_trial, model={"encoder": "LRLL"}, auto_freeze=0.9)
    trial = trial.model_copy(
        update={"validation": trial.validation.model_copy(update={"interval_updates": 3})}
    )
    eager = run_trial(trial, report=lambda point: None)
    request.getfixturevalue("on_buckets")
    padded = run_trial(trial, report=lambda point: None)
    assert padded.checkpoint().freezing.n_frozen == eager.checkpoint().freezing.n_frozen > 0
    for ours, theirs in zip(losses(padded.curve), losses(eager.curve), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_a_trial_on_buckets_goes_on_as_if_unbroken(
    tiny_trial: TrialConfig, on_buckets: list[BucketedUpdates]
):
    unbroken = run_trial(tiny_trial, report=lambda point: None)
    broken = Training(tiny_trial, ranks=Ranks())
    next(broken.points())
    resumed = run_trial(tiny_trial, report=lambda point: None, checkpoint=broken.checkpoint())
    assert losses(resumed.curve) == losses(unbroken.curve)
    assert resumed.warmup_s > 0
    assert len(on_buckets) == 3


def test_no_value_is_looked_at(tiny_trial: TrialConfig):
    meta = torch.device("meta")  # its tensors have shapes and no values
    trial = trial_of(
        tiny_trial,
        model={"encoder": "LRFC", "decoder": "LR"},
        accumulate=2,
        auto_freeze=0.5,
    )
    learner = make_learner(trial, tensor_lr=True, dtype=torch.float32)
    model = learner.model.to(meta)
    learner = dataclasses.replace(
        learner,
        device=meta,
        model=model,
        optimizer=torch.optim.AdamW(model.parameters(), lr=1e-3, fused=False, foreach=False),
        auto_freeze=type(learner.auto_freeze)(model.encoder.layers, quantile=0.5),
        loss_sum=learner.loss_sum.to(meta),
    )
    strategy = BucketedUpdates(learner, RunAgain)
    make_updates(strategy, some_updates(learner, 2))
    assert strategy.n_recordings  # else it has become eager
