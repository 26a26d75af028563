"""Translation: sentence pairs, label-smoothed cross-entropy, BLEU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from shlex import quote
from typing import Self

import torch
from fairseq.models import BaseFairseqModel
from torch import Tensor

from spaces.counts import ParamCounts, count_params
from spaces.dimensions import Dimensions
from spaces.flops import FlopsPerToken, Savings, flops_per_token
from spaces.layout import Layout
from trainable.characters import is_unspaced
from trainable.collate import Batch
from trainable.config import ModelConfig, TrainConfig, TrialConfig
from trainable.corpus import Corpus, n_left_out, open_corpus, update_batches
from trainable.data.manifest import SplitName
from trainable.data.metric import metric_of_data
from trainable.data.tokenizer import moses_of
from trainable.decoding import FULL_LIMIT, QUICK_LIMIT, LengthLimit
from trainable.device import autocast_dtype
from trainable.loss import Teacher, label_smoothed_loss, padded_label_smoothed_loss
from trainable.metrics.bleu import BLEU, TokenisedBleu
from trainable.metrics.metric import Metric
from trainable.metrics.names import METRIC_NAMES
from trainable.models.build import build_model, placeholder_dictionary, require_joined
from trainable.models.options import command_line, fairseq_options
from trainable.models.reservoir_transformer import ReservoirTransformer
from trainable.ranks import Ranks
from trainable.tasks.decoded_set import DecodedSet
from trainable.tasks.task import Task, Update

FINAL_BEAM = 5


class Translation(Task):
    """From a source to a target language; tokens are those of the target."""

    name = "translation"
    metric: Metric = BLEU
    has_decoder = True
    final_decoding = f"beam {FINAL_BEAM}"
    quick_limit: LengthLimit = QUICK_LIMIT  # of the curve's outputs
    full_limit: LengthLimit = FULL_LIMIT  # of an export's

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.folder = corpus.folder
        self.manifest = corpus.manifest
        self.metric = metric_of_data(corpus.manifest)

    @classmethod
    def open(cls, folder: str) -> Self:
        return cls(open_corpus(folder))

    def dimensions(self, config: ModelConfig) -> Dimensions:
        require_joined(config, self.corpus.src_dict, self.corpus.tgt_dict)
        return Dimensions(
            d_model=config.d_model,
            ffn=config.ffn,
            heads=config.heads,
            src_rows=len(self.corpus.src_dict),
            tgt_rows=len(self.corpus.tgt_dict),
            norm=config.norm,
            tied=config.tied,
            embedding_dim=config.embedding_dim,
            attention=config.attention_sizes,
        )

    def build_model(self, config: ModelConfig, *, seed: int) -> ReservoirTransformer:
        return build_model(
            config, src_dict=self.corpus.src_dict, tgt_dict=self.corpus.tgt_dict, seed=seed
        )

    @classmethod
    def build_of_sizes(
        cls, config: ModelConfig, *, src_rows: int, tgt_rows: int, seed: int
    ) -> ReservoirTransformer:
        return build_model(
            config,
            src_dict=placeholder_dictionary(src_rows),
            tgt_dict=placeholder_dictionary(tgt_rows),
            seed=seed,
        )

    def count_params(self, encoder: Layout, decoder: Layout, dims: Dimensions) -> ParamCounts:
        return count_params(encoder, decoder, dims)

    def flops_per_token(
        self, encoder: Layout, decoder: Layout, dims: Dimensions, savings: Savings
    ) -> FlopsPerToken:
        dataset = self.corpus.split("train")
        return flops_per_token(
            encoder,
            decoder,
            dims,
            src_length=float(dataset.src_sizes.mean()),
            tgt_length=float(dataset.tgt_sizes.mean()),
            savings=savings,
        )

    @property
    def n_epoch_tokens(self) -> int:
        return int(self.corpus.split("train").tgt_sizes.sum())

    def n_left_out(self, batch_tokens: int) -> int:
        return n_left_out(self.corpus.split("train"), batch_tokens)

    def updates(self, train: TrainConfig, *, seed: int, skip: int) -> Iterator[Update]:
        dataset, collate = self.corpus.split("train"), self.corpus.collator("train")
        for indices in update_batches(
            dataset, batch_tokens=train.batch_tokens, seed=seed, skip=skip
        ):
            n_tokens = int(dataset.tgt_sizes[indices].sum())
            yield Update(
                indices=indices,
                n_tokens=n_tokens,
                n_targets=n_tokens,
                lengths=(
                    int(dataset.src_sizes[indices].max()),
                    int(dataset.tgt_sizes[indices].max()),
                ),
                collate=collate,
            )

    def features(self, model: BaseFairseqModel, batch: Batch) -> Tensor:
        features: Tensor = model(**batch["net_input"], features_only=True)[0]
        return features

    def loss(
        self, model: BaseFairseqModel, features: Tensor, batch: Batch, train: TrainConfig
    ) -> Tensor:
        weight = model.decoder.output_projection.weight
        return label_smoothed_loss(
            features, weight, batch["target"], train.label_smoothing, _teacher(batch, train)
        )

    def padded_loss(
        self, model: BaseFairseqModel, features: Tensor, batch: Batch, train: TrainConfig
    ) -> Tensor:
        weight = model.decoder.output_projection.weight
        return padded_label_smoothed_loss(
            features, weight, batch["target"], train.label_smoothing, _teacher(batch, train)
        )

    def validation_set(
        self, config: TrialConfig, *, ranks: Ranks, device: torch.device
    ) -> DecodedSet:
        return DecodedSet(
            self.corpus,
            config.validation.split,
            metric=self.metric,
            n_sentences=config.validation.n_sentences,
            beam=config.validation.beam,
            limit=self.quick_limit,
            label_smoothing=config.train.label_smoothing,
            ranks=ranks,
            device=device,
            autocast=_validation_dtype(config.train, device),
        )

    def final_set(
        self, config: TrialConfig, split: SplitName, *, device: torch.device
    ) -> DecodedSet:
        return DecodedSet(
            self.corpus,
            split,
            metric=self.metric,
            n_sentences=None,
            beam=FINAL_BEAM,
            limit=self.full_limit,
            label_smoothing=config.train.label_smoothing,
            ranks=Ranks(),
            device=device,
        )

    def references(self, split: SplitName) -> list[str]:
        return self.corpus.raw(split, self.corpus.manifest.sides[1])

    def example(self, split: SplitName) -> str:
        return self.corpus.raw(split, self.corpus.manifest.sides[0])[0]

    def encoder_inputs(self, split: SplitName) -> Sequence[Tensor]:
        sources: Sequence[Tensor] = self.corpus.split(split).src
        return sources

    @property
    def vocabulary_files(self) -> tuple[str, ...]:
        return (
            *(f"dict.{side}.txt" for side in self.manifest.sides),
            *self.manifest.tokenizer.files,
        )

    @property
    def further_metrics(self) -> Sequence[Metric]:
        manifest = self.manifest
        found: list[Metric] = [
            metric
            for name in METRIC_NAMES
            if (metric := metric_of_data(manifest, name)).is_at_hand
            and metric.name != self.metric.name
        ]
        if self._is_of_literature:
            moses = moses_of(manifest.tokenizer, manifest.sides[1])
            found.append(TokenisedBleu(tokenise=moses.tokenise, tokens=moses.words))
        return found

    @property
    def _is_of_literature(self) -> bool:
        """True if the literature can have BLEU of the data's words: of IWSLT or a user's text."""
        corpus, tokenizer = self.manifest.corpus, self.manifest.tokenizer
        has_words = not (tokenizer.has_spaces or is_unspaced(self.manifest.sides[1]))
        return has_words and (corpus.startswith("iwslt") or corpus in ("text", "fairseq"))

    @property
    def limits(self) -> str:
        n_sentences = self.manifest.counts["train"].n_sentences
        return (
            f"Trained on {n_sentences:,} sentence pairs of one corpus; other text\n"
            "will be translated badly."
        )

    @property
    def remove_bpe(self) -> str:
        """Option of fairseq that puts subwords together."""
        return "--remove-bpe" + " sentencepiece" * self.manifest.tokenizer.has_spaces

    def use_commands(self, folder: str) -> tuple[str, ...]:
        theirs = (
            f"fairseq-generate DATA --path checkpoint.pt --user-dir TRAINABLE --beam {FINAL_BEAM} "
            f"{self.remove_bpe} \\\n    --required-batch-size-multiple 1"
        )
        return f"reservoir-search translate {quote(folder)} < sentences.{self.manifest.src}", theirs

    def has_inputs_of(self, other: Task) -> bool:
        return isinstance(other, Translation) and self.corpus.src_dict == other.corpus.src_dict

    def fairseq_options(self, train: TrainConfig) -> Mapping[str, object]:
        return {
            "--source-lang": self.corpus.manifest.src,
            "--target-lang": self.corpus.manifest.tgt,
            "--task": "translation",
            "--criterion": "label_smoothed_cross_entropy",
            "--label-smoothing": train.label_smoothing,
        }

    def fairseq_model(self, config: ModelConfig, *, seed: int) -> list[str]:
        return command_line(fairseq_options(config, seed=seed))


def _teacher(batch: Batch, train: TrainConfig) -> Teacher | None:
    """The teacher's part of a batch, which ``TeacherTable`` put there."""
    found = batch.get("teacher")
    return None if found is None else Teacher(**found, weight=train.distill_weight)


def _validation_dtype(train: TrainConfig, device: torch.device) -> torch.dtype | None:
    """The training's own on a GPU; fp32 on a CPU, where decoding is not bound by products."""
    return autocast_dtype(train.precision, device) if device.type == "cuda" else None
