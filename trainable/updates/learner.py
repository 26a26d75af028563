"""Everything that an update of one rank needs and changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from fairseq.models import BaseFairseqModel
from torch import Tensor, nn

from trainable.auto_freeze import AutoFreeze
from trainable.collate import Batch, Indices
from trainable.config import TrialConfig
from trainable.device import mixed_precision
from trainable.ranks import Ranks
from trainable.schedule import inverse_square_root
from trainable.stopwatch import Stopwatch
from trainable.tasks.task import Task, Update


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """Model, optimizer, clock and sum of losses of a trial on one rank."""

    config: TrialConfig
    task: Task
    ranks: Ranks
    device: torch.device
    autocast: torch.dtype | None
    model: BaseFairseqModel
    optimizer: torch.optim.Optimizer
    auto_freeze: AutoFreeze | None
    stopwatch: Stopwatch
    loss_sum: Tensor  # of the targets since the last validation

    def begin(self, number: int) -> None:
        """Seed the dropout and set the learning rate of update ``number``."""
        train = self.config.train
        torch.manual_seed(dropout_seed(self.config.seed, number, self.ranks.rank))
        self._set_lr(inverse_square_root(number, lr=train.lr, warmup_updates=train.warmup_updates))

    def shards(self, update: Update) -> list[Indices]:
        """This rank's parts of ``update``, one for each forward pass; some may be empty."""
        return rank_shards(update.indices, self.ranks, self.config.train.accumulate)

    def features(self, model: nn.Module, batch: Batch) -> Tensor:
        """The input of the loss; ``model`` is the learner's or a wrapper of it."""
        with mixed_precision(self.device, self.autocast):
            features = self.task.features(model, batch)
        if self.autocast is None:
            return features
        return features.to(self.autocast)  # as autocast has it before a projection

    def clear_gradients(self) -> None:
        """Forget all gradients, with their memory."""
        self.optimizer.zero_grad(set_to_none=True)

    def learned(self) -> list[nn.Parameter]:
        """The parameters that are not frozen."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    def step(self) -> None:
        """Let AutoFreeze see the gradients, clip them, make Adam's step."""
        if self.auto_freeze:
            self.auto_freeze.watch()
        if self.config.train.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.train.clip_norm)
        self.optimizer.step()

    def make_adams_state(self) -> None:
        """Give Adam its state at zero for all that learns, and change nothing else.

        It would make its state at its first step, which within a recording would be anew at
        each replay. A step with gradients and a rate of zero leaves every weight as it is.
        """
        fresh = [p for p in self.learned() if p not in self.optimizer.state]
        if not fresh:
            return
        self.clear_gradients()
        for parameter in fresh:
            parameter.grad = torch.zeros_like(parameter)
        self._set_lr(0.0)
        self.optimizer.step()
        self.clear_gradients()
        for parameter in fresh:
            self.optimizer.state[parameter]["step"].zero_()

    def _set_lr(self, lr: float) -> None:
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(lr)  # a recorded step reads it there
            else:
                group["lr"] = lr


def rank_shards(indices: Indices, ranks: Ranks, accumulate: int) -> list[Indices]:
    """This rank's parts of an update, one for each forward pass; some may be empty."""
    n_shards = ranks.n_ranks * accumulate
    return [indices[shard::n_shards] for shard in range(ranks.rank, n_shards, ranks.n_ranks)]


def dropout_seed(seed: int, update: int, rank: int) -> int:
    """63 bits that differ for each update and rank."""
    digest = hashlib.sha256(f"dropout/{seed}/{update}/{rank}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 1
