"""One trial's training: from a trial's settings to its convergence curve."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import torch
from fairseq.models import BaseFairseqModel

from trainable.aucc import aucc
from trainable.auto_freeze import AutoFreeze, Freezing
from trainable.checkpoint import Checkpoint, learned_weights, load_learned_weights
from trainable.config import CLOCKS, TrialConfig
from trainable.curve import Point
from trainable.device import autocast_dtype, training_device
from trainable.dynamics.measure import N_SENTENCES, dynamics_at_depth, validation_sentences
from trainable.init_from import start_from_export
from trainable.memory import forget_peak_memory, keep_freed_memory, peak_memory_bytes
from trainable.model_size import param_counts, training_flops_per_token
from trainable.ranks import Ranks
from trainable.stopwatch import Stopwatch
from trainable.tasks.registry import load_task
from trainable.tasks.task import Update
from trainable.teacher import teacher_table
from trainable.teacher_cost import TeacherCost
from trainable.updates.adam import load_adam, make_adam
from trainable.updates.choice import choose_updates, expected_updates
from trainable.updates.learner import Learner

logger = logging.getLogger(__name__)


class Diverged(Exception):
    """The loss is no longer a finite number."""


class Training:
    """The state of one trial on one rank: model, optimizer, clocks and curve.

    All ranks of a trial make the same updates and the same validations in the same
    order. Dropout is seeded anew at each update from (seed, update, rank), so a trial
    that goes on from a checkpoint draws what an unbroken one would have drawn.
    """

    def __init__(
        self,
        config: TrialConfig,
        *,
        ranks: Ranks,
        checkpoint: Checkpoint | None = None,
        n_updates: float | None = None,
    ) -> None:
        """``n_updates`` are those to expect, for the way to make them; by the budget if None."""
        self.config = config
        self.ranks = ranks
        self._device = training_device(config.ranks.gpus_per_rank)
        self._teacher = teacher_table(config, self._device)
        keep_freed_memory()
        forget_peak_memory(self._device)
        self.task = load_task(config.data)
        self._model = self.task.build_model(config.model, seed=config.seed).to(self._device)
        if checkpoint is None:
            start_from_export(self._model, config, self.task)
        self._optimizer = make_adam(self._model, config.train, self._device)
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
        self._updates = choose_updates(
            self._learner(), expected_updates(config) if n_updates is None else n_updates
        )
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
        if self._teacher is not None:
            updates = map(self._teacher.beside, updates)
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
                if self.finished and self.warmup_s:
                    logger.info("warm-up outside the clock: %.1f s", self.warmup_s)
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
    def warmup_s(self) -> float:
        """Seconds of compiling and recording in this process, which no clock counts."""
        return self._stopwatch.paused_s

    @property
    def teacher_cost(self) -> TeacherCost | None:
        """Cost of the teacher's probabilities, whoever made them; None without a teacher."""
        return None if self._teacher is None else self._teacher.cost

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
        self._n_updates += 1
        self._updates.update(update, number=self._n_updates)
        self._n_tokens += update.n_tokens
        self._n_targets += update.n_targets

    def _learner(self) -> Learner:
        return Learner(
            config=self.config,
            task=self.task,
            ranks=self.ranks,
            device=self._device,
            autocast=autocast_dtype(self.config.train.precision, self._device),
            model=self._model,
            optimizer=self._optimizer,
            auto_freeze=self._auto_freeze,
            stopwatch=self._stopwatch,
            loss_sum=self._loss_sum,
        )

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
        self._updates.begin_anew()
        self._flops_per_token = training_flops_per_token(
            self.config.model, self.config.train, self.task, frozen=self._auto_freeze.depths
        )

    def _go_on_from(self, checkpoint: Checkpoint) -> None:
        load_learned_weights(self._model, checkpoint.weights)
        if self._auto_freeze and checkpoint.freezing:
            self._freezing = checkpoint.freezing
            self._freeze(self._freezing.n_frozen)
            self._auto_freeze.norms = self._freezing.norms
        load_adam(self._optimizer, checkpoint.optimizer)
        self._best_weights = checkpoint.best_weights
        self._curve = list(checkpoint.curve)
        last = self._curve[-1]
        self._n_updates = last.updates
        self._n_tokens = last.tokens
        self._stopwatch.seconds_before = last.seconds
        # The budget may have become longer since.
        self.finished = checkpoint.finished and self._budget_is_spent()


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
