"""What tasks without a decoder have in common: sentences in, one pass of an encoder, a head."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import torch
from fairseq.data import Dictionary, data_utils
from fairseq.models import BaseFairseqModel
from torch import Tensor

from spaces.dimensions import Dimensions
from trainable.collate import Batch, Indices
from trainable.config import ModelConfig, TrainConfig, TrialConfig
from trainable.corpus import n_left_out
from trainable.data.manifest import Manifest, SplitName
from trainable.data.tokenizer import Tokenizer
from trainable.device import autocast_dtype
from trainable.metrics.metric import Metric
from trainable.ranks import Ranks
from trainable.sentences import SentenceSplit, load_dictionary
from trainable.tasks.sentence_set import Measured, SentenceSet
from trainable.tasks.task import Task

logger = logging.getLogger(__name__)


class EncoderTask(Task):
    """A task on sentences in one language; tokens are those of the sentences."""

    has_decoder = False
    label_smoothing = 0.0  # fairseq's criteria have none
    place: ClassVar[Path]  # of dictionary and splits in a prepared folder

    def __init__(self, folder: Path, manifest: Manifest, dictionary: Dictionary) -> None:
        self.folder = folder
        self.manifest = manifest
        self.dictionary = dictionary
        self._splits: dict[str, SentenceSplit] = {}

    @classmethod
    def open(cls, folder: str) -> Self:
        manifest = Manifest.load(Path(folder))
        return cls(Path(folder), manifest, load_dictionary(Path(folder), cls.dictionary_name()))

    @classmethod
    def dictionary_name(cls) -> str:
        """The dictionary's file in a prepared folder or an export."""
        return str(cls.place / "dict.txt")

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Number of the head's scores."""

    @abstractmethod
    def collator(self, split: SplitName) -> Callable[[Indices], Batch]:
        """Maker of the evaluation batches of a split, from places in it."""

    @abstractmethod
    def measured(self, model: BaseFairseqModel, batch: Batch, train: TrainConfig) -> Measured:
        """Outputs and loss of ``model`` on an evaluation batch."""

    def evaluation_set(
        self,
        split: SplitName,
        train: TrainConfig,
        *,
        n_sentences: int | None,
        ranks: Ranks,
        device: torch.device,
        autocast: torch.dtype | None = None,
    ) -> SentenceSet:
        """A split, or a fixed part of ``n_sentences``."""
        return SentenceSet(
            self.split(split),
            metric=self.metric,
            references=self.references(split),
            n_sentences=n_sentences,
            collate=self.collator(split),
            measure_batch=lambda model, batch: self.measured(model, batch, train),
            ranks=ranks,
            device=device,
            autocast=autocast,
        )

    def split(self, name: str) -> SentenceSplit:
        """The sentences of ``train``, ``valid`` or ``test``, opened on first use."""
        if name not in self._splits:
            self._splits[name] = SentenceSplit(self.folder / self.place / name, self.dictionary)
        return self._splits[name]

    def dimensions(self, config: ModelConfig) -> Dimensions:
        return Dimensions(
            d_model=config.d_model,
            ffn=config.ffn,
            heads=config.heads,
            src_rows=len(self.dictionary),
            tgt_rows=self.n_outputs,
            norm=config.norm,
            tied="none",
            embedding_dim=config.embedding_dim,
            attention=config.attention_sizes,
        )

    @property
    def n_epoch_tokens(self) -> int:
        return int(self.split("train").sizes.sum())

    def n_left_out(self, batch_tokens: int) -> int:
        return n_left_out(self.split("train"), batch_tokens)

    def validation_set(
        self, config: TrialConfig, *, ranks: Ranks, device: torch.device
    ) -> SentenceSet:
        dtype = autocast_dtype(config.train.precision, device) if device.type == "cuda" else None
        return self.evaluation_set(
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
        return self.evaluation_set(
            split, config.train, n_sentences=None, ranks=Ranks(), device=device
        )

    def example(self, split: SplitName) -> str:
        return self.text_of(self.dictionary.string(self.split(split).tokens()[0]))

    def encoder_inputs(self, split: SplitName) -> Sequence[Tensor]:
        return self.split(split).tokens()

    @property
    def vocabulary_files(self) -> tuple[str, ...]:
        return self.dictionary_name(), *self.manifest.tokenizer.files

    @property
    def further_metrics(self) -> Sequence[Metric]:
        return ()

    def has_inputs_of(self, other: Task) -> bool:
        return isinstance(other, EncoderTask) and self.dictionary == other.dictionary

    def tokens_of(self, text: str) -> str:
        """Subword tokens of a raw sentence, with spaces between them."""
        return self._tokenizer.encode(text)

    def text_of(self, tokens: str) -> str:
        """Sentence of subword tokens, in their case."""
        return self._tokenizer.decode(tokens)

    def encoded(self, model: BaseFairseqModel, sentences: Sequence[str]) -> Tensor:
        """Numbers of the tokens of tokenised sentences, cut to what the model takes: B, S."""
        most = model.max_positions() - 2  # and the beginning and the end
        rows = []
        for sentence in sentences:
            words = sentence.split()
            if len(words) > most:
                logger.warning("a line is too long: only its first %d tokens are read", most)
            numbers = [self.dictionary.index(word) for word in words[:most]]
            rows.append(torch.tensor([self.dictionary.bos(), *numbers, self.dictionary.eos()]))
        tokens_BS: Tensor = data_utils.collate_tokens(rows, self.dictionary.pad())
        return tokens_BS

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return Tokenizer.load(self.folder, "src")
