"""Translating a batch: greedily, or with fairseq's beam search."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from fairseq.data import Dictionary
from fairseq.models import BaseFairseqModel
from fairseq.sequence_generator import SequenceGenerator

from trainable.collate import Batch
from trainable.fixed_greedy import fixed_greedy
from trainable.greedy import greedy
from trainable.models.encoder import EncoderOut


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


def encode(model: BaseFairseqModel, batch: Batch) -> EncoderOut:
    """The encoder's output for a batch."""
    source = batch["net_input"]
    encoder_out: EncoderOut = model.encoder(source["src_tokens"], source["src_lengths"])
    return encoder_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A translation; ``score`` is its mean natural log-probability per token, end included."""

    text: str
    score: float


@torch.no_grad()
def decode(
    model: BaseFairseqModel,
    batch: Batch,
    dictionary: Dictionary,
    *,
    beam: int,
    limit: LengthLimit,
    encoder_out: EncoderOut | None = None,
) -> list[str]:
    """The best hypothesis of each sentence, as BPE tokens, in the batch's order.

    Args:
        encoder_out: the encoder's output where it is at hand; beam search makes its own.
    """
    if beam == 1:
        n_source = batch["net_input"]["src_tokens"].size(1)
        on_gpu = batch["net_input"]["src_tokens"].is_cuda
        hypotheses = (fixed_greedy if on_gpu else greedy)(
            model,
            encode(model, batch) if encoder_out is None else encoder_out,
            max_length=min(
                int(limit.ratio * n_source + limit.extra), model.max_decoder_positions() - 1
            ),
        )
    else:
        found = beam_search(model, batch, dictionary, beam=beam, n_best=1, limit=limit)
        return [best.text for (best,) in found]
    return [dictionary.string(tokens) for tokens in hypotheses]


@torch.no_grad()
def beam_search(
    model: BaseFairseqModel,
    batch: Batch,
    dictionary: Dictionary,
    *,
    beam: int,
    n_best: int,
    limit: LengthLimit,
) -> list[list[Hypothesis]]:
    """The ``n_best`` hypotheses of each sentence, as BPE tokens, best first, in the batch's order.

    There are fewer where the dictionary has fewer entries than the beam.
    """
    generator = SequenceGenerator(
        [model], dictionary, beam_size=beam, max_len_a=limit.ratio, max_len_b=limit.extra
    )
    return [
        [
            Hypothesis(text=dictionary.string(one["tokens"].cpu()), score=float(one["score"]))
            for one in found[:n_best]
        ]
        for found in generator(batch)
    ]
