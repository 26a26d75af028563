"""Masked language model: an encoder predicts masked words; cross-entropy, bits saved.

Shapes: B batch, S tokens, E embedding, N masked words, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shlex import quote

import numpy as np
import torch
from fairseq.data import Dictionary
from fairseq.models import BaseFairseqModel
from torch import Tensor

from spaces.counts import ParamCounts, count_encoder_params
from spaces.dimensions import Dimensions
from spaces.flops import FlopsPerToken, Savings, encoder_flops_per_token
from spaces.layout import Layout
from spaces.sublayers import product_flops
from trainable.collate import PADDING, Batch
from trainable.config import ModelConfig, TrainConfig
from trainable.corpus import update_batches
from trainable.data.manifest import SplitName
from trainable.loss import label_smoothed_loss, padded_label_smoothed_loss
from trainable.metrics.bits_saved import BITS_SAVED
from trainable.models.build import placeholder_dictionary
from trainable.models.encoder_model import SourceDictionary
from trainable.models.masked_lm import ReservoirMaskedLM
from trainable.models.options import command_line, encoder_options
from trainable.sentences import MASK
from trainable.tasks.encoder_task import EncoderTask
from trainable.tasks.masking import MASKED, MaskedSentences
from trainable.tasks.sentence_set import Measured
from trainable.tasks.task import PART_SEED, Update


class MaskedLM(EncoderTask):
    """From a sentence with masked words to these words."""

    name = "masked_lm"
    metric = BITS_SAVED
    final_decoding = "masks that are the same for all models"
    place = Path()

    @property
    def n_outputs(self) -> int:
        return len(self.dictionary)

    def build_model(self, config: ModelConfig, *, seed: int) -> ReservoirMaskedLM:
        return _build(config, self.dictionary, seed=seed)

    @classmethod
    def build_of_sizes(
        cls,
        config: ModelConfig,
        *,
        src_rows: int,
        tgt_rows: int,  # noqa: ARG003 - the same, since the table is the head
        seed: int,
    ) -> ReservoirMaskedLM:
        return _build(config, placeholder_dictionary(src_rows), seed=seed)

    def count_params(self, encoder: Layout, decoder: Layout, dims: Dimensions) -> ParamCounts:
        return count_encoder_params(encoder, dims, n_head=(dims.factors or 0) * dims.d_model)

    def flops_per_token(
        self, encoder: Layout, decoder: Layout, dims: Dimensions, savings: Savings
    ) -> FlopsPerToken:
        narrow = 0 if dims.factors is None else product_flops(dims.d_model, dims.factors)
        project = product_flops(dims.factors or dims.d_model, dims.tgt_rows)
        return encoder_flops_per_token(
            encoder,
            dims,
            length=float(self.split("train").sizes.mean()),
            head_weights=narrow + MASKED * project,
            savings=savings,
        )

    def updates(self, train: TrainConfig, *, seed: int, skip: int) -> Iterator[Update]:
        """Updates with masks that depend on the seed and the update's number alone."""
        split = self.split("train")
        batches = update_batches(split, batch_tokens=train.batch_tokens, seed=seed, skip=skip)
        for number, indices in enumerate(batches, start=skip + 1):
            masked = MaskedSentences.draw(
                split,
                indices,
                n_words=len(self.dictionary),
                rng=np.random.default_rng((seed, number)),
            )
            yield Update(
                indices=indices,
                n_tokens=int(split.sizes[indices].sum()),
                n_targets=max(1, masked.n_targets),  # of a few words perhaps none is masked
                lengths=(int(split.sizes[indices].max()),),
                collate=masked,
            )

    def features(self, model: BaseFairseqModel, batch: Batch) -> Tensor:
        features_BSE: Tensor = model(**batch["net_input"], features_only=True)[0]
        return features_BSE

    def loss(
        self, model: BaseFairseqModel, features: Tensor, batch: Batch, train: TrainConfig
    ) -> Tensor:
        return label_smoothed_loss(
            features, model.output_weight, batch["target"], train.label_smoothing
        )

    def padded_loss(
        self, model: BaseFairseqModel, features: Tensor, batch: Batch, train: TrainConfig
    ) -> Tensor:
        return padded_label_smoothed_loss(
            features, model.output_weight, batch["target"], train.label_smoothing
        )

    def collator(self, split: SplitName) -> MaskedSentences:
        sentences = self.split(split)
        return MaskedSentences.draw(
            sentences,
            np.arange(len(sentences)),
            n_words=len(self.dictionary),
            rng=np.random.default_rng(PART_SEED),  # the same masks for every seed of a trial
        )

    def measured(self, model: BaseFairseqModel, batch: Batch, train: TrainConfig) -> Measured:
        features = self.features(model, batch).float()
        return Measured(
            outputs=self._bits_saved(model, features, batch["target"]),
            loss=float(self.loss(model, features, batch, train).item()),
            n_targets=int((batch["target"] != PADDING).sum()),
        )

    def references(self, split: SplitName) -> list[str]:
        return [self.dictionary.string(tokens) for tokens in self.split(split).tokens()]

    def example(self, split: SplitName) -> str:
        words = super().example(split).split()
        words[len(words) // 2] = MASK
        return " ".join(words)

    def answers(self, model: BaseFairseqModel, sentences: Sequence[str]) -> list[str]:
        """The sentences with the most probable word in place of each ``<mask>``."""
        tokens = [
            f" {MASK} ".join(map(self.tokens_of, sentence.split(MASK))) for sentence in sentences
        ]
        tokens_BS = self.encoded(model, tokens)
        is_mask = tokens_BS == self.dictionary.index(MASK)
        scores_NV = model(tokens_BS, masked_tokens=is_mask)[0]
        scores_NV[:, : self.dictionary.nspecial] = -torch.inf
        scores_NV[:, self.dictionary.index(MASK)] = -torch.inf
        tokens_BS[is_mask] = scores_NV.argmax(dim=1)
        return [self.text_of(self.dictionary.string(row[row != PADDING])) for row in tokens_BS]

    @property
    def limits(self) -> str:
        n_sentences = self.manifest.counts["train"].n_sentences
        return (
            f"Trained on {n_sentences:,} sentences of one corpus, a sentence at a time; in other\n"
            "text its words will fit badly."
        )

    def use_commands(self, folder: str) -> tuple[str, ...]:
        return (f"echo 'Words with a {MASK}.' | reservoir-search predict {quote(folder)}",)

    def fairseq_options(self, train: TrainConfig) -> Mapping[str, object]:
        return {
            "--task": "reservoir_masked_lm",
            "--criterion": "masked_lm",
            "--mask-prob": MASKED,
        }

    def fairseq_model(self, config: ModelConfig, *, seed: int) -> list[str]:
        return command_line(encoder_options(config, seed=seed), arch="reservoir_masked_lm")

    def _bits_saved(
        self, model: BaseFairseqModel, features_BSE: Tensor, target_BS: Tensor
    ) -> list[str]:
        """Bits saved of each masked word, a text for each sentence."""
        is_masked = target_BS != PADDING
        chosen_NE = features_BSE[is_masked.to(features_BSE.device)]
        log_p_NV = torch.log_softmax(chosen_NE @ model.output_weight.float().t(), dim=1)
        target_N1 = target_BS[is_masked].unsqueeze(1).to(log_p_NV.device)
        nats_N = log_p_NV.gather(1, target_N1).squeeze(1) + math.log(self.n_outputs)
        bits = iter((nats_N / math.log(2)).tolist())
        return [
            " ".join(f"{next(bits):.4f}" for _ in range(n)) for n in is_masked.sum(dim=1).tolist()
        ]


def _build(config: ModelConfig, dictionary: Dictionary, *, seed: int) -> ReservoirMaskedLM:
    torch.manual_seed(seed)
    return ReservoirMaskedLM.build_model(
        encoder_options(config, seed=seed), SourceDictionary(dictionary)
    )
