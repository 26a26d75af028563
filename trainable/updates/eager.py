"""Updates whose kernels the host launches one by one."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

from trainable.collate import Batch, inputs_on_device
from trainable.layer_drop import depths_left_out
from trainable.tasks.task import Update
from trainable.updates.learner import Learner


class EagerUpdates:
    """Updates as Python runs them, on batches of any shape; ranks by DDP.

    On a GPU one pass before the first update loads kernels and libraries outside the clock.
    """

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._is_warm = learner.device.type != "cuda"
        self.begin_anew()

    def begin_anew(self) -> None:
        """Take notice that parameters have been frozen."""
        # DDP waits for a gradient of all that learned when it was made.
        self._parallel = self._learner.ranks.parallel(self._learner.model)

    def update(self, update: Update, *, number: int) -> None:
        """One optimizer step on this rank's share of ``update``; the first has ``number`` 1."""
        learner = self._learner
        if not self._is_warm:
            self._warm_up(update)
        learner.begin(number)
        self._leave_out_layers(number)
        self._add_gradients(update, learner.loss_sum)
        for parameter in learner.model.encoder.layers.parameters_left_out():
            parameter.grad = None  # else Adam's momentum still moves a dropped layer
        learner.step()

    def _warm_up(self, update: Update) -> None:
        with self._learner.stopwatch.paused():
            self._add_gradients(update, torch.zeros_like(self._learner.loss_sum))
            self._learner.clear_gradients()
        self._is_warm = True

    def _leave_out_layers(self, number: int) -> None:
        config = self._learner.config
        if config.train.layer_drop:
            depths = self._learner.model.encoder.layers
            depths.left_out = depths_left_out(
                len(depths), chance=config.train.layer_drop, seed=config.seed, update=number
            )

    def _add_gradients(self, update: Update, loss_sum: Tensor) -> None:
        """Gradients of the mean loss over all ranks; the sum of losses is added to ``loss_sum``."""
        learner = self._learner
        learner.clear_gradients()
        shards = learner.shards(update)
        for number, shard in enumerate(shards, start=1):
            with self._all_reduce_only_when(number == len(shards)):
                loss = self._loss(update.collate(shard if len(shard) else update.indices[:1]))
                if not len(shard):  # fewer examples than shards: join in, add nothing
                    loss = loss * 0.0
                # DDP averages over the ranks; the mean over the targets of all is wanted.
                (loss * (learner.ranks.n_ranks / update.n_targets)).backward()  # type: ignore[no-untyped-call]
            loss_sum += loss.detach()

    def _loss(self, batch: Batch) -> Tensor:
        learner = self._learner
        batch = inputs_on_device(batch, learner.device)
        features = learner.features(self._parallel, batch)
        if learner.ranks.n_ranks > 1:  # DDP waits for a gradient of every parameter
            for parameter in learner.model.encoder.layers.parameters_left_out():
                features = features + 0.0 * parameter.sum()
        return learner.task.loss(learner.model, features, batch, learner.config.train)

    def _all_reduce_only_when(self, last: bool) -> contextlib.AbstractContextManager[None]:
        if last or self._learner.ranks.n_ranks == 1:
            return contextlib.nullcontext()
        return self._parallel.no_sync()  # type: ignore[operator, no-any-return]
