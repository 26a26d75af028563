"""Validation: batched decoding with fairseq's generator, sacreBLEU, and the loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from fairseq import utils
from fairseq.models import BaseFairseqModel
from fairseq.sequence_generator import SequenceGenerator
from sacrebleu.metrics.bleu import BLEU

from trainable.config import ValidationConfig
from trainable.corpus import Batch, Corpus, Indices, batches_by_tokens, by_length
from trainable.data.tokenizer import Tokenizer
from trainable.loss import label_smoothed_loss
from trainable.ranks import Ranks

DECODING_TOKENS = 8192  # of a batch; without gradients many sentences fit


@dataclass(frozen=True, slots=True)
class LengthLimit:
    """Where a hypothesis ends at the latest: ``ratio`` x source + ``extra`` tokens.

    The source is the longest of the batch, so only a ratio of 0 leaves a translation
    independent of its neighbours.
    """

    ratio: float
    extra: int


# While a trial trains: a model that has learned little yet stops nowhere else.
QUICK_LIMIT = LengthLimit(ratio=1.5, extra=10)
FULL_LIMIT = LengthLimit(ratio=0.0, extra=200)  # fairseq's own default


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """BLEU of 0 to 100 with its sacreBLEU signature, and the loss in bits per token."""

    bleu: float
    loss: float
    signature: str


class EvaluationSet:
    """A split, or a fixed part of it, with its references; decoded on all ranks at once."""

    def __init__(
        self,
        corpus: Corpus,
        split: str,
        *,
        n_sentences: int | None,
        seed: int,
        beam: int,
        limit: LengthLimit,
        label_smoothing: float,
        ranks: Ranks,
        device: torch.device,
    ) -> None:
        self._corpus = corpus
        self._dataset = corpus.split(split)
        self._beam = beam
        self._limit = limit
        self._label_smoothing = label_smoothing
        self._ranks = ranks
        self._device = device
        self._tokenizer = Tokenizer.load(corpus.folder, "tgt")
        chosen = _chosen_sentences(len(self._dataset), n_sentences, seed)
        references = corpus.raw(split, corpus.manifest.tgt)
        self._references = {index: references[index] for index in chosen.tolist()}
        self._batches = ranks.share(
            batches_by_tokens(self._dataset, by_length(self._dataset, chosen), DECODING_TOKENS)
        )

    @torch.no_grad()
    def measure(self, model: BaseFairseqModel) -> Scores:
        """Translate and score with ``model`` as it stands; every rank gets the same scores."""
        model.eval()
        translations: dict[int, str] = {}
        loss_sum, n_tokens = 0.0, 0
        for indices in self._batches:
            batch = self._batch(indices)
            loss_sum += self._loss(model, batch)
            n_tokens += batch["ntokens"]
            translations |= self._translate(model, batch)
        model.train()
        parts = self._ranks.gather((translations, loss_sum, n_tokens))
        everywhere: dict[int, str] = {}
        for part, _, _ in parts:
            everywhere |= part
        bleu, signature = corpus_bleu(
            [everywhere[index] for index in self._references], list(self._references.values())
        )
        loss = sum(part[1] for part in parts) / sum(part[2] for part in parts) / math.log(2)
        return Scores(bleu=bleu, loss=loss, signature=signature)

    def _batch(self, indices: Indices) -> Batch:
        batch: Batch = self._dataset.collater([self._dataset[int(index)] for index in indices])
        if self._device.type == "cuda":
            batch = utils.move_to_cuda(batch)
        return batch

    def _loss(self, model: BaseFairseqModel, batch: Batch) -> float:
        logits, _ = model(**batch["net_input"])
        return float(label_smoothed_loss(logits, batch["target"], self._label_smoothing).item())

    def _translate(self, model: BaseFairseqModel, batch: Batch) -> dict[int, str]:
        hypotheses = decode(model, batch, self._corpus, beam=self._beam, limit=self._limit)
        return {
            index: self._tokenizer.decode(tokens)
            for index, tokens in zip(batch["id"].tolist(), hypotheses, strict=True)
        }


def evaluation_set(
    corpus: Corpus,
    config: ValidationConfig,
    *,
    seed: int,
    label_smoothing: float,
    ranks: Ranks,
    device: torch.device,
) -> EvaluationSet:
    """The validation set that ``config`` asks for."""
    return EvaluationSet(
        corpus,
        "valid",
        n_sentences=config.n_sentences,
        seed=seed,
        beam=config.beam,
        limit=QUICK_LIMIT,
        label_smoothing=label_smoothing,
        ranks=ranks,
        device=device,
    )


def decode(
    model: BaseFairseqModel,
    batch: Batch,
    corpus: Corpus,
    *,
    beam: int,
    limit: LengthLimit,
) -> list[str]:
    """The best hypothesis of each sentence, as BPE tokens, in the batch's order."""
    generator = SequenceGenerator(
        [model],
        corpus.tgt_dict,
        beam_size=beam,
        max_len_a=limit.ratio,
        max_len_b=limit.extra,
    )
    return [corpus.tgt_dict.string(hypotheses[0]["tokens"]) for hypotheses in generator(batch)]


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[str]) -> tuple[float, str]:
    """Case-insensitive sacreBLEU of detokenised text, and its signature."""
    metric = BLEU(lowercase=True)
    score = metric.corpus_score(list(hypotheses), [list(references)])
    return score.score, str(metric.get_signature())


def _chosen_sentences(n_total: int, n_sentences: int | None, seed: int) -> Indices:
    """All sentences, or ``n_sentences`` that the seed picks, in dataset order."""
    everything = np.arange(n_total, dtype=np.int64)
    if n_sentences is None or n_sentences >= n_total:
        return everything
    return np.sort(np.random.default_rng(seed).choice(everything, n_sentences, replace=False))
