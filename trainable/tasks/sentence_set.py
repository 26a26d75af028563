"""An evaluation set of sentences whose outputs are read off one pass of the encoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from fairseq.models import BaseFairseqModel

from trainable.collate import Batch, Indices, inputs_on_device
from trainable.corpus import evaluation_batches
from trainable.device import mixed_precision
from trainable.metrics.metric import Metric
from trainable.ranks import Ranks
from trainable.sentences import SentenceSplit
from trainable.tasks.task import Scores, chosen_examples

# Tokens of a batch; a GPU takes the same time for more.
BATCH_TOKENS = {"cpu": 8192, "cuda": 32_768}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Outputs of a batch in its order, and the sum of its losses in nats."""

    outputs: Sequence[str]
    loss: float
    n_targets: int


class SentenceSet:
    """A split, or a fixed part of it, measured on all ranks at once."""

    def __init__(
        self,
        split: SentenceSplit,
        *,
        metric: Metric,
        references: Sequence[str],
        n_sentences: int | None,
        collate: Callable[[Indices], Batch],
        measure_batch: Callable[[BaseFairseqModel, Batch], Measured],
        ranks: Ranks,
        device: torch.device,
        autocast: torch.dtype | None = None,
    ) -> None:
        """With ``autocast`` the model computes in that type.

        Args:
            references: of all sentences of the split.
            n_sentences: size of the part; all sentences if None.
            collate: makes a batch of sentences by their places in the split.
            measure_batch: reads outputs and loss off the model; its batch is on the device but
                for the target.
        """
        chosen = chosen_examples(len(split), n_sentences)
        self._metric = metric
        self._references = {index: references[index] for index in chosen.tolist()}
        self._collate = collate
        self._measure_batch = measure_batch
        self._ranks = ranks
        self._device = device
        self._autocast = autocast
        self._batches = ranks.share(evaluation_batches(split, chosen, BATCH_TOKENS[device.type]))

    @torch.no_grad()
    def measure(self, model: BaseFairseqModel) -> Scores:
        """Scores of ``model`` as it stands; every rank gets the same."""
        model.eval()
        outputs: dict[int, str] = {}
        loss, n_targets = 0.0, 0
        for indices in self._batches:
            batch = inputs_on_device(self._collate(indices), self._device)
            with mixed_precision(self._device, self._autocast):
                measured = self._measure_batch(model, batch)
            outputs |= zip(batch["id"].tolist(), measured.outputs, strict=True)
            loss += measured.loss
            n_targets += measured.n_targets
        model.train()
        parts = self._ranks.gather((outputs, loss, n_targets))
        everywhere: dict[int, str] = {}
        for part, _, _ in parts:
            everywhere |= part
        in_order = tuple(everywhere[index] for index in self._references)
        in_nats = sum(part[1] for part in parts) / max(1, sum(part[2] for part in parts))
        return Scores(
            score=self._metric.score(in_order, list(self._references.values())),
            loss=in_nats / math.log(2),
            signature=self._metric.signature,
            outputs=in_order,
        )
