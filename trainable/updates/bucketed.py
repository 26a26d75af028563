"""Updates on batches padded to buckets, recorded once for each bucket."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from trainable.buckets import Bucket, bucket_of
from trainable.collate import Batch
from trainable.device import to_device
from trainable.tasks.task import Update
from trainable.updates.eager import EagerUpdates
from trainable.updates.learner import Learner
from trainable.updates.recorder import Recorder, RunAgain, Work

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recording:
    """An update of one bucket, with the tensors it reads."""

    batches: tuple[Batch, ...]  # one for each forward pass
    replay: Work
    held: tuple[Tensor, ...]  # buffers that the model may replace meanwhile

    def fill(self, batches: Sequence[Batch]) -> None:
        """Copy other batches of the bucket to where the recording reads them."""
        for place, batch in zip(self.batches, batches, strict=True):
            sources = _tensors(batch)
            for name, tensor in _tensors(place).items():
                source = sources[name]
                if tensor.device.type == "cuda":
                    source = source.pin_memory()  # copies from unpinned memory are synchronous
                tensor.copy_(source, non_blocking=True)


class BucketedUpdates:
    """Updates that are recorded at the first batch of each bucket, outside the clock.

    Neither a recording nor its warm-up changes weights, Adam's state or the sum of losses.
    If a recording fails on any rank, that update and all later ones are eager on every rank.

    With several ranks, gradients are summed between two recordings, that of the backward pass
    and that of the optimizer's step: ranks then need not record a collective alike, and NCCL
    may do as it likes.
    """

    def __init__(self, learner: Learner, make_recorder: Callable[[], Recorder]) -> None:
        self._learner = learner
        self._make_recorder = make_recorder
        self._scale = torch.zeros_like(learner.loss_sum)
        self._eager: EagerUpdates | None = None
        self.begin_anew()

    def begin_anew(self) -> None:
        """Take notice that parameters have been frozen: record anew."""
        if self._eager is not None:
            self._eager.begin_anew()
            return
        self._recordings: dict[Bucket, _Recording] = {}
        self._recorder = self._make_recorder()
        self._step: Work | None = None
        self._flat: Tensor | None = None

    @property
    def n_recordings(self) -> int:
        """Number of buckets recorded since the last freezing."""
        return len(self._recordings)

    def update(self, update: Update, *, number: int) -> None:
        """One optimizer step on this rank's share of ``update``; the first has ``number`` 1."""
        learner = self._learner
        bucket = self._bucket(update)
        if self._eager is None and bucket not in self._recordings:
            self._record(bucket, update)
        if self._eager is not None:
            self._eager.update(update, number=number)
            return
        learner.begin(number)
        recording = self._recordings[bucket]
        recording.fill(self._batches(bucket, update))
        self._scale.fill_(1 / update.n_targets)
        recording.replay()
        if self._flat is not None and self._step is not None:
            distributed.all_reduce(self._flat)
            self._step()

    def _bucket(self, update: Update) -> Bucket:
        """One bucket for the shards of all ranks, so that all record at the same update."""
        train = self._learner.config.train
        return bucket_of(
            n_examples=len(update.indices),
            lengths=update.lengths,
            batch_tokens=train.batch_tokens,
            n_shards=self._learner.ranks.n_ranks * train.accumulate,
        )

    def _batches(self, bucket: Bucket, update: Update) -> list[Batch]:
        return [update.collate(shard, bucket) for shard in self._learner.shards(update)]

    def _record(self, bucket: Bucket, update: Update) -> None:
        """Record the update of ``bucket``, or become eager."""
        learner = self._learner
        with learner.stopwatch.paused():
            fault = None
            try:
                self._recordings[bucket] = self._recording(self._batches(bucket, update))
            except Exception as error:
                # Whatever a recording does not allow, an eager update may.
                logger.debug("a recording failed", exc_info=True)
                fault = f"{type(error).__name__}: {error}".split("\n")[0]
            learner.clear_gradients()  # the recording's, which later recordings may overwrite
            faults = [found for found in learner.ranks.gather(fault) if found is not None]
            if faults:
                logger.warning("updates are eager from here on: %s", faults[0])
                self._recordings = {}
                self._step = self._flat = None
                self._recorder = RunAgain()
                self._eager = EagerUpdates(learner)

    def _recording(self, batches: Sequence[Batch]) -> _Recording:
        learner = self._learner
        learner.make_adams_state()
        if learner.ranks.n_ranks > 1:
            self._flat_gradients()  # made here, outside a graph's own memory
        places = tuple(_on_device(batch, learner.device) for batch in batches)
        replay = self._recorder.record(
            lambda: self._whole_update(places),
            warm_up=lambda: self._warm_up(places),
        )
        if learner.ranks.n_ranks > 1 and self._step is None:
            self._step = self._recorder.record(self._step_by_flat, warm_up=lambda: None)
        return _Recording(batches=places, replay=replay, held=tuple(learner.model.buffers()))

    def _warm_up(self, batches: Sequence[Batch]) -> None:
        """Forward and backward passes, whose results are dropped."""
        self._add_gradients(batches, torch.zeros_like(self._learner.loss_sum))
        self._learner.clear_gradients()

    def _whole_update(self, batches: Sequence[Batch]) -> None:
        """The update, or with several ranks its part before the sum over them."""
        learner = self._learner
        self._add_gradients(batches, learner.loss_sum)
        if learner.ranks.n_ranks == 1:
            learner.step()
            return
        for place, parameter in zip(self._flat_gradients(), learner.learned(), strict=True):
            if parameter.grad is not None:
                place.copy_(parameter.grad)

    def _add_gradients(self, batches: Sequence[Batch], loss_sum: Tensor) -> None:
        learner = self._learner
        learner.clear_gradients()
        for batch in batches:
            features = learner.features(learner.model, batch)
            loss = learner.task.padded_loss(learner.model, features, batch, learner.config.train)
            (loss * self._scale).backward()  # type: ignore[no-untyped-call]
            loss_sum += loss.detach()

    def _step_by_flat(self) -> None:
        learner = self._learner
        learner.clear_gradients()
        for gradient, parameter in zip(self._flat_gradients(), learner.learned(), strict=True):
            parameter.grad = gradient
        learner.step()

    def _flat_gradients(self) -> list[Tensor]:
        """All gradients of a rank as views of one tensor, which one collective sums."""
        learned = self._learner.learned()
        if self._flat is None:
            self._flat = learned[0].new_zeros(sum(parameter.numel() for parameter in learned))
        parts = self._flat.split([parameter.numel() for parameter in learned])  # type: ignore[no-untyped-call]
        return [part.view_as(p) for part, p in zip(parts, learned, strict=True)]


def _tensors(batch: Batch) -> dict[str, Tensor]:
    """What is computed with, by name."""
    return {**batch["net_input"], **batch.get("teacher", {}), "target": batch["target"]}


def _on_device(batch: Batch, device: torch.device) -> Batch:
    groups: Batch = {
        group: {name: to_device(tensor, device) for name, tensor in batch[group].items()}
        for group in ("net_input", "teacher")
        if group in batch
    }
    return {**groups, "target": to_device(batch["target"], device)}
