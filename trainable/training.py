"""One trial's training: from a trial's settings to its convergence curve."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import torch
from fairseq.models import BaseFairseqModel
from torch import nn

from trainable.aucc import aucc
from trainable.auto_freeze import AutoFreeze, Freezing
from trainable.checkpoint import Checkpoint, learned_weights, load_learned_weights
from trainable.collate import Batch, Indices, inputs_on_device
from trainable.config import CLOCKS, TrialConfig
from trainable.curve import Point
from trainable.device import autocast_dtype, mixed_precision, training_device
from trainable.dynamics.measure import N_SENTENCES, dynamics_at_depth, validation_sentences
from trainable.layer_drop import depths_left_out
from trainable.memory import forget_peak_memory, peak_memory_bytes
from trainable.model_size import param_counts, training_flops_per_token
from trainable.ranks import Ranks
from trainable.schedule import inverse_square_root
from trainable.stopwatch import Stopwatch
from trainable.tasks.registry import load_task
from trainable.tasks.task import Update


class Diverged(Exception):
    """The loss is no longer a finite number."""


class Training:
    """The state of one trial on one rank: model, optimizer, clocks and curve.

    All ranks of a trial make the same updates and the same validations in the same
    order. Dropout is seeded anew at each update from (seed, update, rank), so a trial
    that goes on from a checkpoint draws what an unbroken one would have drawn.
    """

    def __init__(
        self, config: TrialConfig, *, ranks: Ranks, checkpoint: Checkpoint | None = None
    ) -> None:
        self.config = config
        self.ranks = ranks
        self._device = training_device(config.ranks.gpus_per_rank)
        forget_peak_memory(self._device)
        self._autocast = autocast_dtype(config.train.precision, self._device)
        self.task = load_task(config.data)
        self._model = self.task.build_model(config.model, seed=config.seed).to(self._device)
        self._parallel = ranks.parallel(self._model)
        self._optimizer = torch.optim.AdamW(
            self._model.parameters(),
            betas=(0.9, 0.98),
            weight_decay=config.train.weight_decay,
            fused=True,
        )
        self._validation = self.task.validation_set(config, ranks=ranks, device=self._device)
        self._dynamics_sentences = (
            validation_sentences(self.task, N_SENTENCES) if config.validation.dynamics else []
        )
        self.dynamics: Mapping[str, float] = {}  # at the last validation, if they are asked for
        self.counts = param_counts(config.model, self.task)
        self._freezing = Freezing(n_frozen=0, norms=(), tokens=0, flops=0.0)
        self._auto_freeze = _auto_freeze(config, self._model)
        self._flops_per_token = training_flops_per_token(config.model, config.train, self.task)
        self._stopwatch = Stopwatch(self._device)
        self._n_updates = 0
        self._n_tokens = 0
        self._loss_sum = torch.zeros((), device=self._device)
        self._n_targets = 0  # since the last point
        self._curve: list[Point] = []
        self._best_weights = learned_weights(self._model)
        self.finished = False
        if checkpoint is not None:
            self._go_on_from(checkpoint)

    @property
    def curve(self) -> tuple[Point, ...]:
        """The points so far."""
        return tuple(self._curve)

    def points(self) -> Iterator[Point]:
        """Train until the budget is spent; give each validation when it is made."""
        budget = self.config.budget
        updates = self.task.updates(self.config.train, seed=self.config.seed, skip=self._n_updates)
        while not self.finished:
            self._stopwatch.start()
            self._update(next(updates))
            over = self._budget_is_spent()
            if over or self._n_updates % self.config.validation.interval_updates == 0:
                self._stopwatch.stop()
                self._curve.append(self._validate())
                self._freeze_stable_sets()
                # The clock ran on between ``_budget_is_spent`` and ``stop``.
                self.finished = over or (
                    budget.seconds is not None and self._curve[-1].seconds >= budget.seconds
                )
                yield self._curve[-1]

    def aucc(self) -> float:
        """The area so far; with the last score held to the horizon once finished."""
        return aucc(
            self._curve,
            clock=self.config.objective.clock,
            horizon=self.config.horizon,
            hold_last=self.finished,
        )

    @property
    def n_epochs(self) -> float:
        """Number of epochs so far, by target tokens."""
        return self._n_tokens / self.task.n_epoch_tokens

    @property
    def peak_memory_bytes(self) -> int:
        """The most memory that this rank used."""
        return peak_memory_bytes(self._device)

    def checkpoint(self) -> Checkpoint:
        """All that a later process needs to go on from the last point."""
        return Checkpoint(
            weights=learned_weights(self._model),
            best_weights=self._best_weights,
            optimizer=self._optimizer.state_dict(),
            curve=self.curve,
            finished=self.finished,
            freezing=self._freezing if self._auto_freeze else None,
        )

    def _update(self, update: Update) -> None:
        """One optimizer step on the examples of ``update``, shared out over the ranks."""
        train = self.config.train
        self._n_updates += 1
        torch.manual_seed(_dropout_seed(self.config.seed, self._n_updates, self.ranks.rank))
        if train.layer_drop:
            depths = self._model.encoder.layers
            depths.left_out = depths_left_out(
                len(depths), chance=train.layer_drop, seed=self.config.seed, update=self._n_updates
            )
        lr = inverse_square_root(self._n_updates, lr=train.lr, warmup_updates=train.warmup_updates)
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._optimizer.zero_grad(set_to_none=True)
        shards = rank_shards(update.indices, self.ranks, train.accumulate)
        for number, shard in enumerate(shards, start=1):
            with self._all_reduce_only_when(number == len(shards)):
                loss = self._loss(update.collate(shard if len(shard) else update.indices[:1]))
                if not len(shard):  # fewer examples than shards: join in, add nothing
                    loss = loss * 0.0
                # DDP averages over the ranks; the mean over the targets of all is wanted.
                (loss * (self.ranks.n_ranks / update.n_targets)).backward()  # type: ignore[no-untyped-call]
            self._loss_sum += loss.detach()
        for parameter in self._model.encoder.layers.parameters_left_out():
            parameter.grad = None  # else Adam's momentum still moves a dropped layer
        if self._auto_freeze:
            self._auto_freeze.watch()
        if train.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._model.parameters(), train.clip_norm)
        self._optimizer.step()
        self._n_tokens += update.n_tokens
        self._n_targets += update.n_targets

    def _loss(self, batch: Batch) -> torch.Tensor:
        batch = inputs_on_device(batch, self._device)
        with mixed_precision(self._device, self._autocast):
            features = self.task.features(self._parallel, batch)
        if self.ranks.n_ranks > 1:  # DDP waits for a gradient of every parameter
            for parameter in self._model.encoder.layers.parameters_left_out():
                features = features + 0.0 * parameter.sum()
        if self._autocast is not None:
            features = features.to(self._autocast)  # as autocast has it before a projection
        return self.task.loss(self._model, features, batch, self.config.train)

    def _all_reduce_only_when(self, last: bool) -> contextlib.AbstractContextManager[None]:
        if last or self.ranks.n_ranks == 1:
            return contextlib.nullcontext()
        return self._parallel.no_sync()  # type: ignore[operator, no-any-return]

    def _budget_is_spent(self) -> bool:
        budget = self.config.budget
        readings: dict[str, float] = {
            "updates": self._n_updates,
            "tokens": self._n_tokens,
            "flops": self._flops,
        }
        if budget.seconds is not None:
            readings["seconds"] = self.ranks.from_rank_0(self._stopwatch.seconds)
        limits = {clock: budget.on(clock) for clock in CLOCKS}
        return any(readings[clock] >= limit for clock, limit in limits.items() if limit is not None)

    def _validate(self) -> Point:
        loss_sum = sum(self.ranks.gather(float(self._loss_sum.item())))
        if not math.isfinite(loss_sum):
            raise Diverged(f"the training loss is {loss_sum} by update {self._n_updates}")
        scores = self._validation.measure(self._model)
        if not math.isfinite(scores.loss):
            raise Diverged(f"the validation loss is {scores.loss} at update {self._n_updates}")
        point = Point(
            updates=self._n_updates,
            seconds=self.ranks.from_rank_0(self._stopwatch.seconds),
            tokens=self._n_tokens,
            flops=self._flops,
            score=scores.score,
            loss=scores.loss,
            train_loss=loss_sum / self._n_targets / math.log(2),
        )
        self._loss_sum.zero_()
        self._n_targets = 0
        if all(point.score > earlier.score for earlier in self._curve):
            self._best_weights = learned_weights(self._model)
        if self._dynamics_sentences and self.ranks.rank == 0:
            self.dynamics = dynamics_at_depth(self._model, self._dynamics_sentences)
        return point

    @property
    def _flops(self) -> float:
        """FLOPs spent so far; tokens after the last freezing cost less."""
        before = self._freezing
        return before.flops + (self._n_tokens - before.tokens) * self._flops_per_token

    def _freeze_stable_sets(self) -> None:
        """Freeze the weight sets that AutoFreeze selects; rank 0 decides for all ranks."""
        if not self._auto_freeze:
            return
        n_frozen = int(self.ranks.from_rank_0(self._auto_freeze.n_to_freeze()))
        before = self._freezing
        if n_frozen > before.n_frozen:
            self._freeze(n_frozen)
            before = replace(before, tokens=self._n_tokens, flops=self._curve[-1].flops)
        self._freezing = replace(before, n_frozen=n_frozen, norms=self._auto_freeze.norms)

    def _freeze(self, n_sets: int) -> None:
        assert self._auto_freeze is not None
        self._auto_freeze.freeze(n_sets)
        self._optimizer.zero_grad(set_to_none=True)
        # DDP waits for a gradient of all that learned when it was made.
        self._parallel = self.ranks.parallel(self._model)
        self._flops_per_token = training_flops_per_token(
            self.config.model, self.config.train, self.task, frozen=self._auto_freeze.depths
        )

    def _go_on_from(self, checkpoint: Checkpoint) -> None:
        load_learned_weights(self._model, checkpoint.weights)
        if self._auto_freeze and checkpoint.freezing:
            self._freezing = checkpoint.freezing
            self._freeze(self._freezing.n_frozen)
            self._auto_freeze.norms = self._freezing.norms
        self._optimizer.load_state_dict(checkpoint.optimizer)
        self._best_weights = checkpoint.best_weights
        self._curve = list(checkpoint.curve)
        self.finished = checkpoint.finished
        last = self._curve[-1]
        self._n_updates = last.updates
        self._n_tokens = last.tokens
        self._stopwatch.seconds_before = last.seconds


def run_trial(
    config: TrialConfig,
    *,
    report: Callable[[Point], None],
    checkpoint: Checkpoint | None = None,
    ranks: Ranks | None = None,
) -> Training:
    """Train one layout to the end of its budget, without Ray.

    Args:
        config: the trial's settings.
        report: called with each point of the curve.
        checkpoint: where an earlier process left off.
        ranks: this process's place, after ``join_ranks``; alone if absent.

    Raises:
        Diverged: the loss is no longer finite.
        UserError: the data folder or the settings cannot be used.
    """
    training = Training(config, ranks=ranks or Ranks(), checkpoint=checkpoint)
    for point in training.points():
        report(point)
    return training


def _auto_freeze(config: TrialConfig, model: BaseFairseqModel) -> AutoFreeze | None:
    if not config.train.auto_freeze:
        return None
    return AutoFreeze(model.encoder.layers, quantile=config.train.auto_freeze)


def rank_shards(indices: Indices, ranks: Ranks, accumulate: int) -> list[Indices]:
    """This rank's parts of an update, one for each forward pass; some may be empty."""
    n_shards = ranks.n_ranks * accumulate
    return [indices[shard::n_shards] for shard in range(ranks.rank, n_shards, ranks.n_ranks)]


def _dropout_seed(seed: int, update: int, rank: int) -> int:
    """63 bits that differ for each update and rank."""
    digest = hashlib.sha256(f"dropout/{seed}/{update}/{rank}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 1
