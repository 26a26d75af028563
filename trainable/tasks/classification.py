"""Sentence classification: an encoder, pooling and a linear head; cross-entropy, accuracy.

Shapes: B batch, S tokens, N labels.
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
from trainable.config import ModelConfig, TrainConfig, TrialConfig
from trainable.corpus import update_batches
from trainable.data.binarised_files import check_binarised
from trainable.data.manifest import BPE_CODES, INPUT, LABEL, Manifest, SplitName
from trainable.data.prepare_sentences import N_SPECIAL
from trainable.device import autocast_dtype
from trainable.loss import NO_LABEL, label_loss
from trainable.metrics.accuracy import ACCURACY, MACRO_F1
from trainable.models.classifier import HEAD, ReservoirClassifier
from trainable.models.encoder_model import SourceDictionary
from trainable.models.options import command_line, encoder_options
from trainable.ranks import Ranks
from trainable.sentences import SentenceSplit, encoder_batch, load_dictionary
from trainable.tasks.sentence_set import Measured, SentenceSet
from trainable.tasks.task import Task, Update

DICTIONARY = f"{INPUT}/dict.txt"


class Classification(Task):
    """From a sentence to one of the labels; tokens are those of the sentence."""

    name = "classification"
    metric = ACCURACY
    further_metrics = (MACRO_F1,)
    has_decoder = False
    label_smoothing = 0.0  # fairseq's criterion has none
    final_decoding = "the most probable label"

    def __init__(self, folder: Path, manifest: Manifest, dictionary: Dictionary) -> None:
        self.folder = folder
        self.manifest = manifest
        self.dictionary = dictionary
        self.labels = manifest.labels or ()
        self._splits: dict[str, SentenceSplit] = {}

    @classmethod
    def open(cls, folder: str) -> Self:
        manifest = Manifest.load(Path(folder))
        if not manifest.labels:
            raise DamagedData(f"{folder}: its manifest names no labels; prepare the folder again")
        return cls(Path(folder), manifest, load_dictionary(Path(folder), DICTIONARY))

    def dimensions(self, config: ModelConfig) -> Dimensions:
        return Dimensions(
            d_model=config.d_model,
            ffn=config.ffn,
            heads=config.heads,
            src_rows=len(self.dictionary),
            tgt_rows=len(self.labels),
            norm=config.norm,
            tied="none",
            embedding_dim=config.embedding_dim,
        )

    def build_model(self, config: ModelConfig, *, seed: int) -> ReservoirClassifier:
        torch.manual_seed(seed)
        model = ReservoirClassifier.build_model(
            encoder_options(config, seed=seed), SourceDictionary(self.dictionary)
        )
        model.register_classification_head(HEAD, len(self.labels))
        return model

    def count_params(self, encoder: Layout, decoder: Layout, dims: Dimensions) -> ParamCounts:
        return count_encoder_params(
            encoder, dims, n_head=linear_params(dims.d_model, dims.tgt_rows)
        )

    def flops_per_token(
        self, encoder: Layout, decoder: Layout, dims: Dimensions, savings: Savings
    ) -> FlopsPerToken:
        length = float(self._split("train").sizes.mean())
        return encoder_flops_per_token(
            encoder,
            dims,
            length=length,
            head_weights=product_flops(dims.d_model, dims.tgt_rows) / length,
            savings=savings,
        )

    @property
    def n_epoch_tokens(self) -> int:
        return int(self._split("train").sizes.sum())

    def updates(self, train: TrainConfig, *, seed: int, skip: int) -> Iterator[Update]:
        split, collate = self._split("train"), self._collator("train")
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
        target_B = batch["target"].to(features.device)
        return label_loss(features, target_B, train.label_smoothing)

    def padded_loss(
        self, model: BaseFairseqModel, features: Tensor, batch: Batch, train: TrainConfig
    ) -> Tensor:
        return label_loss(features, batch["target"], train.label_smoothing)

    def validation_set(
        self, config: TrialConfig, *, ranks: Ranks, device: torch.device
    ) -> SentenceSet:
        dtype = autocast_dtype(config.train.precision, device) if device.type == "cuda" else None
        return self._set(
            config.validation.split,
            config.train,
            n_sentences=config.validation.n_sentences,
            ranks=ranks,
            device=device,
            autocast=dtype,
        )

    def final_set(
        self, config: TrialConfig, split: SplitName, *, device: torch.device
    ) -> SentenceSet:
        return self._set(split, config.train, n_sentences=None, ranks=Ranks(), device=device)

    def references(self, split: SplitName) -> list[str]:
        return [self.labels[number] for number in self._label_numbers(split).tolist()]

    def encoder_inputs(self, split: SplitName) -> Sequence[Tensor]:
        return self._split(split).tokens()

    @property
    def vocabulary_files(self) -> tuple[str, ...]:
        return DICTIONARY, BPE_CODES

    @property
    def limits(self) -> str:
        n_sentences = self.manifest.counts["train"].n_sentences
        return (
            f"Trained on {n_sentences:,} sentences of one corpus; each sentence gets one of\n"
            f"{len(self.labels)} labels, fitting or not."
        )

    def use_commands(self, folder: str) -> tuple[str, ...]:
        return (f"reservoir-search predict {quote(folder)} < sentences.{self.manifest.src}",)

    def has_inputs_of(self, other: Task) -> bool:
        return isinstance(other, Classification) and self.dictionary == other.dictionary

    def fairseq_options(self, train: TrainConfig) -> Mapping[str, object]:
        return {
            "--task": "sentence_prediction",
            "--criterion": "sentence_prediction",
            "--num-classes": len(self.labels),
            "--init-token": self.dictionary.bos(),
        }

    def fairseq_model(self, config: ModelConfig, *, seed: int) -> list[str]:
        return command_line(encoder_options(config, seed=seed), arch="reservoir_classifier")

    def _set(
        self,
        name: SplitName,
        train: TrainConfig,
        *,
        n_sentences: int | None,
        ranks: Ranks,
        device: torch.device,
        autocast: torch.dtype | None = None,
    ) -> SentenceSet:
        def measure(model: BaseFairseqModel, batch: Batch) -> Measured:
            scores_BN = self.features(model, batch)
            return Measured(
                outputs=[self.labels[n] for n in scores_BN.argmax(dim=1).tolist()],
                loss=float(self.loss(model, scores_BN, batch, train).item()),
                n_targets=len(scores_BN),
            )

        return SentenceSet(
            self._split(name),
            metric=self.metric,
            references=self.references(name),
            n_sentences=n_sentences,
            collate=self._collator(name),
            measure_batch=measure,
            ranks=ranks,
            device=device,
            autocast=autocast,
        )

    def _split(self, name: str) -> SentenceSplit:
        if name not in self._splits:
            self._splits[name] = SentenceSplit(self.folder / INPUT / name, self.dictionary)
        return self._splits[name]

    def _collator(self, name: str) -> _Collator:
        return _Collator(split=self._split(name), labels=self._label_numbers(name))

    def _label_numbers(self, name: str) -> Indices:
        """Number of each sentence's label, from 0 in the order of ``labels``."""
        prefix, n_sentences = self.folder / LABEL / name, len(self._split(name))
        n_rows = len(self.labels) + N_SPECIAL
        if check_binarised(prefix, n_rows=n_rows) != n_sentences:
            raise DamagedData(
                f"{prefix}: has not a label for each of {n_sentences} sentences; "
                "prepare the folder again"
            )
        # Each label is followed by the end of its line.
        mapped = MappedSentences(prefix, np.full(n_sentences, 2), n_rows=n_rows)
        return mapped.padded(np.arange(n_sentences), n_sentences, 2)[:, 0] - N_SPECIAL


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
