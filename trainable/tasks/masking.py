"""fairseq's masking of sentences for a masked language model, many sentences at a time.

Shapes: B sentences, S tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from trainable.buckets import Bucket
from trainable.collate import PADDING, Batch, Indices
from trainable.sentences import SentenceSplit, encoder_batch

MASKED = 0.15  # share of a sentence's tokens that are to be predicted
REPLACED = 0.8  # of these, by the mask; a tenth each by a random word and not at all
RANDOM = 0.1
BEGIN = 0  # fairseq's <s> in every dictionary
N_SPECIAL = 4  # words at the beginning of a dictionary that no random word is


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedSentences:
    """Sentences with their masks drawn, from which batches are taken."""

    ids: Indices  # their places in the split, rising
    sizes: Indices
    inputs: Indices  # B, S
    targets: Indices  # B, S; the words to predict, padding elsewhere

    @classmethod
    def draw(
        cls, split: SentenceSplit, indices: Indices, *, n_words: int, rng: np.random.Generator
    ) -> Self:
        """Draw the masks of the sentences ``indices``; ``n_words`` is the dictionary's length.

        As in fairseq's ``MaskTokensDataset``, a sentence of n tokens, its beginning and its end
        included, has 0.15 n of them masked, rounded up or down at random.
        """
        ids = np.sort(indices)
        rows_BS, sizes_B = split.rows(ids), split.sizes[ids]
        n_masked_B = np.floor(MASKED * sizes_B + rng.random(len(ids)))
        order_BS = rng.random(rows_BS.shape)
        order_BS[np.arange(rows_BS.shape[1]) >= sizes_B[:, None]] = np.inf
        is_masked = order_BS.argsort(axis=1).argsort(axis=1) < n_masked_B[:, None]
        fate_BS = rng.random(rows_BS.shape)
        words_BS = rng.integers(N_SPECIAL, n_words, size=rows_BS.shape)
        words_BS[fate_BS < REPLACED] = n_words - 1  # the mask is the dictionary's last entry
        is_changed = is_masked & (fate_BS < REPLACED + RANDOM)
        return cls(
            ids=ids,
            sizes=sizes_B,
            inputs=np.where(is_changed, words_BS, rows_BS),
            targets=np.where(is_masked, rows_BS, PADDING),
        )

    @property
    def n_targets(self) -> int:
        """Number of words to predict."""
        return int((self.targets != PADDING).sum())

    def __call__(self, indices: Indices, bucket: Bucket | None = None) -> Batch:
        places = np.searchsorted(self.ids, indices)
        sizes_B = self.sizes[places]
        n_rows, width = len(indices), int(sizes_B.max(initial=1))
        if bucket is not None:
            n_rows, width = bucket.n_rows, bucket.lengths[0]
        inputs_BS = _sized(self.inputs[places], n_rows, width)
        inputs_BS[len(indices) :, 0] = BEGIN
        return encoder_batch(
            inputs_BS,
            sizes_B,
            ids=indices,
            target=_sized(self.targets[places], n_rows, width),
        )


def _sized(rows: npt.NDArray[np.int64], n_rows: int, width: int) -> Indices:
    """``rows`` cut or padded on the right to ``width``, and then rows of padding."""
    sized = np.full((n_rows, width), PADDING, dtype=np.int64)
    kept = min(width, rows.shape[1])
    sized[: len(rows), :kept] = rows[:, :kept]
    return sized
