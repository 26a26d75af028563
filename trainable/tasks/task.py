"""The interface of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
import torch
from fairseq.models import BaseFairseqModel
from torch import Tensor

from spaces.counts import ParamCounts
from spaces.dimensions import Dimensions
from spaces.errors import UserError
from spaces.flops import FlopsPerToken, Savings
from spaces.layout import Layout
from trainable.buckets import Bucket
from trainable.collate import Batch, Indices
from trainable.config import ModelConfig, TrainConfig, TrialConfig
from trainable.data.manifest import Manifest, SplitName
from trainable.metrics.metric import Metric
from trainable.ranks import Ranks


class Collate(Protocol):
    """How examples become a batch."""

    def __call__(self, indices: Indices, bucket: Bucket | None = None) -> Batch:
        """The batch of the examples ``indices``, of which there may be none in a ``bucket``.

        In a ``bucket`` every tensor of the batch has a shape that depends on the bucket alone,
        and what has no example is padding, which ``Task.padded_loss`` does not count.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """The examples of one update, and how some of them become a batch.

    A task that changes its examples from update to update, such as by masks, does so in
    ``collate``.
    """

    indices: Indices
    n_tokens: int  # on the clock of tokens; FLOPs are given for each of them
    n_targets: int  # predictions; an update minimises their mean loss
    lengths: tuple[int, ...]  # the greatest of each sequence of an example: source, target
    collate: Collate


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The score of a model on an evaluation set, and its loss in bits per target."""

    score: float  # by the task's metric
    loss: float
    signature: str  # the metric's, with its version
    outputs: tuple[str, ...]  # one for each example, in the order of the references


# Trials with other seeds are measured on the same sentences: else the sentences' difference
# would pass for the trials'.
PART_SEED = 1


def chosen_examples(n_total: int, n_chosen: int | None) -> Indices:
    """All examples, or ``n_chosen`` of them, in dataset order: the same for every seed."""
    everything = np.arange(n_total, dtype=np.int64)
    if n_chosen is None or n_chosen >= n_total:
        return everything
    return np.sort(np.random.default_rng(PART_SEED).choice(everything, n_chosen, replace=False))


class EvaluationSet(Protocol):
    """A split of the data, or a fixed part of it, on which models are compared."""

    def measure(self, model: BaseFairseqModel) -> Scores:
        """The scores of ``model`` as it stands, the same on every rank."""


class Task(ABC):
    """A task that trials train on: data, the model's head, batches, loss, score.

    A model is fairseq's, and has its layers in ``model.encoder.layers``, a ``Depths``.
    Splits are read on first use, so that a folder with dictionaries alone, such as an
    export, is enough for a model.
    """

    name: ClassVar[str]  # in manifests and in ``TASKS``
    metric: Metric  # of the curve and the AUCC
    has_decoder: ClassVar[bool]  # without one its layout is ``NO_DECODER``
    label_smoothing: ClassVar[float] = 0.1  # of studies that do not give ``train.label_smoothing``
    final_decoding: ClassVar[str]  # of ``final_set``, in words: "beam 5"

    folder: Path
    manifest: Manifest

    @classmethod
    @abstractmethod
    def open(cls, folder: str) -> Self:
        """The task in a prepared folder or an export.

        Raises:
            UserError: the folder holds no manifest, or dictionaries that are none.
        """

    @abstractmethod
    def dimensions(self, config: ModelConfig) -> Dimensions:
        """The model's dimensions on these data.

        Raises:
            UserError: the settings do not fit each other or the data.
        """

    @abstractmethod
    def build_model(self, config: ModelConfig, *, seed: int) -> BaseFairseqModel:
        """The model at its start, head included, on the CPU.

        Raises:
            UserError: the settings do not fit the data.
        """

    @classmethod
    @abstractmethod
    def build_of_sizes(
        cls, config: ModelConfig, *, src_rows: int, tgt_rows: int, seed: int
    ) -> BaseFairseqModel:
        """The model at its start for data whose ``dimensions`` have these rows.

        Raises:
            UserError: the settings do not fit the sizes.
        """

    @abstractmethod
    def count_params(self, encoder: Layout, decoder: Layout, dims: Dimensions) -> ParamCounts:
        """The parameters of the model of these layouts, head included."""

    @abstractmethod
    def flops_per_token(
        self, encoder: Layout, decoder: Layout, dims: Dimensions, savings: Savings
    ) -> FlopsPerToken:
        """FLOPs for each of ``Update.n_tokens``, at the training set's mean lengths."""

    @property
    @abstractmethod
    def n_epoch_tokens(self) -> int:
        """Tokens of the training set, counted as ``Update.n_tokens``."""

    @abstractmethod
    def n_left_out(self, batch_tokens: int) -> int:
        """Number of training examples that are longer than an update of ``batch_tokens``."""

    @abstractmethod
    def updates(self, train: TrainConfig, *, seed: int, skip: int) -> Iterator[Update]:
        """Updates without end, epoch after epoch, but for the first ``skip``."""

    @abstractmethod
    def features(self, model: BaseFairseqModel, batch: Batch) -> Tensor:
        """The input of the loss: the model's forward pass up to its head.

        It runs in mixed precision, through ``DistributedDataParallel`` where there are ranks.
        """

    @abstractmethod
    def loss(
        self, model: BaseFairseqModel, features: Tensor, batch: Batch, train: TrainConfig
    ) -> Tensor:
        """The sum of the losses of the batch's targets, in nats; its target is on the CPU."""

    @abstractmethod
    def padded_loss(
        self, model: BaseFairseqModel, features: Tensor, batch: Batch, train: TrainConfig
    ) -> Tensor:
        """``loss`` of a batch in a bucket, whose target is on the device of the features.

        No shape may depend on what the tensors hold, and nothing may wait for their values, so
        that a CUDA graph can hold it: padding is computed and masked, not left out.
        """

    @abstractmethod
    def validation_set(
        self, config: TrialConfig, *, ranks: Ranks, device: torch.device
    ) -> EvaluationSet:
        """The set that a trial's curve is measured on."""

    @abstractmethod
    def final_set(
        self, config: TrialConfig, split: SplitName, *, device: torch.device
    ) -> EvaluationSet:
        """All of ``split``, for the scores that an export quotes."""

    @abstractmethod
    def references(self, split: SplitName) -> list[str]:
        """The right outputs for ``split``, in the order of ``Scores.outputs``."""

    @abstractmethod
    def example(self, split: SplitName) -> str:
        """A raw input of ``split``, as ``translate`` or ``predict`` takes it."""

    @abstractmethod
    def encoder_inputs(self, split: SplitName) -> Sequence[Tensor]:
        """The tokens of each example as the encoder takes them, without padding."""

    @property
    @abstractmethod
    def vocabulary_files(self) -> tuple[str, ...]:
        """Files that an export keeps of the folder, beside the manifest."""

    @property
    def further_metrics(self) -> Sequence[Metric]:
        """Metrics that an export quotes beside ``metric``."""
        return ()

    @property
    @abstractmethod
    def limits(self) -> str:
        """What a model of this task can't be expected to do: sentences for a model card."""

    @abstractmethod
    def use_commands(self, folder: str) -> tuple[str, ...]:
        """Shell commands that use the export in ``folder``, our own first."""

    def answers(self, model: BaseFairseqModel, sentences: Sequence[str]) -> list[str]:
        """What the model says of raw sentences, none of them empty, for ``predict``.

        Raises:
            UserError: a model of this task has another command.
        """
        raise UserError(
            f"{self.folder}: is for the task {self.name}; "
            f"use it with: {self.use_commands(str(self.folder))[0]}"
        )

    @abstractmethod
    def has_inputs_of(self, other: Task) -> bool:
        """Whether an encoder of ``other`` can read the inputs of this task."""

    @abstractmethod
    def fairseq_options(self, train: TrainConfig) -> Mapping[str, object]:
        """Task and criterion as options of ``fairseq-train``."""

    @abstractmethod
    def fairseq_model(self, config: ModelConfig, *, seed: int) -> list[str]:
        """``--arch`` and the model's options as arguments of ``fairseq-train``."""
