"""Sentence classification: an encoder, pooling and a linear head; cross-entropy, accuracy.

Shapes: B batch, N labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Self

import numpy as np
import torch
from fairseq.data import Dictionary
from fairseq.models import BaseFairseqModel
from torch import Tensor

from spaces.counts import ParamCounts, count_encoder_params
from spaces.dimensions import Dimensions
from spaces.errors import DamagedData
from spaces.flops import FlopsPerToken, Savings, encoder_flops_per_token
from spaces.layout import Layout
from spaces.sublayers import linear_params, product_flops
from trainable.buckets import Bucket
from trainable.collate import Batch, Indices, MappedSentences
from trainable.config import ModelConfig, TrainConfig
from trainable.corpus import update_batches
from trainable.data.binarised_files import check_binarised
from trainable.data.manifest import INPUT, LABEL, SplitName
from trainable.data.prepare_sentences import N_SPECIAL
from trainable.loss import NO_LABEL, label_loss
from trainable.metrics.accuracy import ACCURACY, MACRO_F1
from trainable.metrics.metric import Metric
from trainable.models.build import placeholder_dictionary
from trainable.models.classifier import HEAD, ReservoirClassifier
from trainable.models.encoder_model import SourceDictionary
from trainable.models.options import command_line, encoder_options
from trainable.sentences import SentenceSplit, encoder_batch
from trainable.tasks.encoder_task import EncoderTask
from trainable.tasks.sentence_set import Measured
from trainable.tasks.task import Update


class Classification(EncoderTask):
    """From a sentence to one of the labels."""

    name = "classification"
    metric = ACCURACY
    final_decoding = "the most probable label"
    place = Path(INPUT)

    @classmethod
    def open(cls, folder: str) -> Self:
        task = super().open(folder)
        if not task.labels:
            raise DamagedData(f"{folder}: its manifest names no labels; prepare the folder again")
        return task

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of their numbers."""
        return self.manifest.labels or ()

    @property
    def further_metrics(self) -> Sequence[Metric]:
        return (MACRO_F1,)

    @property
    def n_outputs(self) -> int:
        return len(self.labels)

    def build_model(self, config: ModelConfig, *, seed: int) -> ReservoirClassifier:
        return _build(config, self.dictionary, n_labels=self.n_outputs, seed=seed)

    @classmethod
    def build_of_sizes(
        cls, config: ModelConfig, *, src_rows: int, tgt_rows: int, seed: int
    ) -> ReservoirClassifier:
        return _build(config, placeholder_dictionary(src_rows), n_labels=tgt_rows, seed=seed)

    def count_params(self, encoder: Layout, decoder: Layout, dims: Dimensions) -> ParamCounts:
        return count_encoder_params(
            encoder, dims, n_head=linear_params(dims.d_model, dims.tgt_rows)
        )

    def flops_per_token(
        self, encoder: Layout, decoder: Layout, dims: Dimensions, savings: Savings
    ) -> FlopsPerToken:
        length = float(self.split("train").sizes.mean())
        return encoder_flops_per_token(
            encoder,
            dims,
            length=length,
            head_weights=product_flops(dims.d_model, dims.tgt_rows) / length,
            savings=savings,
        )

    def updates(self, train: TrainConfig, *, seed: int, skip: int) -> Iterator[Update]:
        split, collate = self.split("train"), self.collator("train")
        for indices in update_batches(split, batch_tokens=train.batch_tokens, seed=seed, skip=skip):
            yield Update(
                indices=indices,
                n_tokens=int(split.sizes[indices].sum()),
                n_targets=len(indices),
                lengths=(int(split.sizes[indices].max()),),
                collate=collate,
            )

    def features(self, model: BaseFairseqModel, batch: Batch) -> Tensor:
        """The scores of the labels, head included: B, N."""
        scores_BN: Tensor = model(**batch["net_input"])[0]
        return scores_BN

    def loss(
        self, model: BaseFairseqModel, features: Tensor, batch: Batch, train: TrainConfig
    ) -> Tensor:
        return label_loss(features, batch["target"].to(features.device), train.label_smoothing)

    def padded_loss(
        self, model: BaseFairseqModel, features: Tensor, batch: Batch, train: TrainConfig
    ) -> Tensor:
        return label_loss(features, batch["target"], train.label_smoothing)

    def collator(self, split: SplitName) -> _Collator:
        return _Collator(split=self.split(split), labels=self._label_numbers(split))

    def measured(self, model: BaseFairseqModel, batch: Batch, train: TrainConfig) -> Measured:
        scores_BN = self.features(model, batch)
        return Measured(
            outputs=[self.labels[n] for n in scores_BN.argmax(dim=1).tolist()],
            loss=float(self.loss(model, scores_BN, batch, train).item()),
            n_targets=len(scores_BN),
        )

    def references(self, split: SplitName) -> list[str]:
        return [self.labels[number] for number in self._label_numbers(split).tolist()]

    def answers(self, model: BaseFairseqModel, sentences: Sequence[str]) -> list[str]:
        """A label and its probability for each sentence, with a tab between them."""
        tokens_BS = self.encoded(model, [self.tokens_of(sentence) for sentence in sentences])
        probability_B, number_B = torch.softmax(model(tokens_BS)[0].float(), dim=1).max(dim=1)
        return [
            f"{self.labels[number]}\t{probability:.4f}"
            for number, probability in zip(number_B.tolist(), probability_B.tolist(), strict=True)
        ]

    @property
    def limits(self) -> str:
        n_sentences = self.manifest.counts["train"].n_sentences
        return (
            f"Trained on {n_sentences:,} sentences of one corpus; each sentence gets one of\n"
            f"{len(self.labels)} labels, fitting or not."
        )

    def use_commands(self, folder: str) -> tuple[str, ...]:
        return (f"reservoir-search predict {quote(folder)} < sentences.{self.manifest.src}",)

    def fairseq_options(self, train: TrainConfig) -> Mapping[str, object]:
        return {
            "--task": "sentence_prediction",
            "--criterion": "sentence_prediction",
            "--num-classes": self.n_outputs,
            "--init-token": self.dictionary.bos(),
        }

    def fairseq_model(self, config: ModelConfig, *, seed: int) -> list[str]:
        return command_line(encoder_options(config, seed=seed), arch="reservoir_classifier")

    def _label_numbers(self, name: SplitName) -> Indices:
        """Number of each sentence's label, from 0 in the order of ``labels``."""
        prefix, n_sentences = self.folder / LABEL / name, len(self.split(name))
        n_rows = self.n_outputs + N_SPECIAL
        if check_binarised(prefix, n_rows=n_rows) != n_sentences:
            raise DamagedData(
                f"{prefix}: has not a label for each of {n_sentences} sentences; "
                "prepare the folder again"
            )
        # Each label is followed by the end of its line.
        mapped = MappedSentences(prefix, np.full(n_sentences, 2), n_rows=n_rows)
        numbers = mapped.padded(np.arange(n_sentences), n_sentences, 2)[:, 0] - N_SPECIAL
        if (numbers < 0).any():
            raise DamagedData(f"{prefix}: has no labels; prepare the folder again")
        return numbers


def _build(
    config: ModelConfig, dictionary: Dictionary, *, n_labels: int, seed: int
) -> ReservoirClassifier:
    torch.manual_seed(seed)
    model = ReservoirClassifier.build_model(
        encoder_options(config, seed=seed), SourceDictionary(dictionary)
    )
    model.register_classification_head(HEAD, n_labels)
    return model


@dataclass(frozen=True, slots=True, kw_only=True)
class _Collator:
    """Makes batches of sentences and the numbers of their labels."""

    split: SentenceSplit
    labels: Indices

    def __call__(self, indices: Indices, bucket: Bucket | None = None) -> Batch:
        n_rows = len(indices) if bucket is None else bucket.n_rows
        width = None if bucket is None else bucket.lengths[0]
        target_B = np.full(n_rows, NO_LABEL, dtype=np.int64)
        target_B[: len(indices)] = self.labels[indices]
        return encoder_batch(
            self.split.rows(indices, n_rows=n_rows, width=width),
            self.split.sizes[indices],
            ids=indices,
            target=target_B,
        )
