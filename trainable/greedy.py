"""Greedy decoding of a batch: the encoder's part computed once, finished sentences let go.

Shapes: B sentences, S source, D model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from fairseq.models import BaseFairseqModel
from torch import Tensor

from trainable.models.encoder import EncoderOut
from trainable.models.token_states import GrowingState

COMPACT_BELOW = 0.8  # below this share of unfinished sentences the others' state is dropped


@dataclass(slots=True)
class _Open:
    """The sentences not yet ended, by row: their place in the batch, and their state."""

    places: Tensor
    has_ended: Tensor
    state: GrowingState

    def compact(self) -> None:
        """Let go of those that have ended, once they are many."""
        rows = (~self.has_ended).nonzero().squeeze(1)
        if len(rows) < COMPACT_BELOW * len(self.places):
            self.places = self.places[rows]
            self.has_ended = self.has_ended[rows]
            self.state = self.state.select(rows)


@torch.no_grad()
def greedy(model: BaseFairseqModel, encoder_out: EncoderOut, *, max_length: int) -> list[Tensor]:
    """The likeliest next token, again and again, until the sentence ends.

    What fairseq's SequenceGenerator gives with a beam of 1: no sentence is empty, padding
    is no word, and the token after ``max_length`` others is the end of the sentence.

    Returns:
        For each sentence of the batch its tokens, the end of the sentence left out.
    """
    decoder = model.decoder
    end, padding = decoder.dictionary.eos(), decoder.dictionary.pad()
    state = decoder.first_state(GrowingState, encoder_out, max_length + 1)
    n_sentences, device = state.n_sentences, encoder_out["encoder_out"][0].device
    chosen = torch.full((n_sentences, max_length + 1), end, device=device)
    still = _Open(
        places=torch.arange(n_sentences, device=device),
        has_ended=torch.zeros(n_sentences, dtype=torch.bool, device=device),
        state=state,
    )
    for length in range(max_length):
        before_B = chosen[still.places, length - 1]  # at first the last column: an end
        scores_BV = decoder.output_layer(decoder.next_features(before_B, still.state))
        scores_BV[:, padding] = -torch.inf
        if length == 0:
            scores_BV[:, end] = -torch.inf
        token_B = scores_BV.argmax(dim=1).masked_fill(still.has_ended, end)
        chosen[still.places, length] = token_B
        still.has_ended = token_B == end
        if still.has_ended.all():
            break
        still.compact()
    lengths = (chosen == end).int().argmax(dim=1).tolist()
    return [tokens[:length] for tokens, length in zip(chosen, lengths, strict=True)]
