"""Prepared sentences in one language as batches of an encoder's input.

Shapes: B batch, S tokens of a sentence with its beginning and its end.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from fairseq.data import Dictionary, indexed_dataset
from torch import Tensor

from spaces.errors import DamagedData
from trainable.collate import Batch, Indices, MappedSentences
from trainable.data.binarised_files import check_binarised
from trainable.data.own_files import require_own_files

MASK = "<mask>"


class SentenceSplit:
    """Sentences of a split, each between ``<s>`` and ``</s>`` as fairseq's encoders have them."""

    def __init__(self, prefix: Path, dictionary: Dictionary) -> None:
        """``prefix`` is the binarised file without its ``.bin``.

        Raises:
            DamagedData: the file is cut off or has other words than the dictionary.
        """
        n_rows = len(dictionary) - 1  # the file was written without the mask
        check_binarised(prefix, n_rows=n_rows)
        dataset = indexed_dataset.MMapIndexedDataset(str(prefix))  # its end unmaps the sizes
        self._mapped = MappedSentences(prefix, dataset.sizes, n_rows=n_rows)
        self._begin = dictionary.bos()
        self.sizes: npt.NDArray[Any] = self._mapped.sizes + 1
        self.src_sizes = self.tgt_sizes = self.sizes  # as ``corpus.Examples`` has them

    def __len__(self) -> int:
        return len(self.sizes)

    def num_tokens(self, index: int) -> int:
        """Length of a sentence."""
        return int(self.sizes[index])

    def num_tokens_vec(self, indices: Indices) -> npt.NDArray[Any]:
        """Lengths of several sentences."""
        lengths: npt.NDArray[Any] = self.sizes[indices]
        return lengths

    def rows(
        self, indices: Indices, *, n_rows: int | None = None, width: int | None = None
    ) -> Indices:
        """Sentences as rows, padded on the right; further rows hold ``<s>`` alone: B, S."""
        n_rows = len(indices) if n_rows is None else n_rows
        words = self._mapped.padded(indices, n_rows, None if width is None else width - 1)
        return np.pad(words, ((0, 0), (1, 0)), constant_values=self._begin)

    def tokens(self) -> list[Tensor]:
        """All sentences without padding."""
        return [
            torch.from_numpy(self.rows(np.array([index], dtype=np.int64))[0])
            for index in range(len(self))
        ]


def encoder_batch(rows_BS: Indices, lengths: Indices, *, ids: Indices, target: Indices) -> Batch:
    """Batch of an encoder, as fairseq's tasks make it.

    Args:
        rows_BS: tokens of the sentences.
        lengths: their lengths; there can be more rows than sentences.
        ids: their places in the split.
        target: numbers, a row for each row of tokens.
    """
    n_empty = len(rows_BS) - len(lengths)
    return {
        "id": torch.from_numpy(ids),
        "nsentences": len(ids),
        "ntokens": int(lengths.sum()),
        "net_input": {
            "src_tokens": torch.from_numpy(rows_BS),
            "src_lengths": torch.from_numpy(np.pad(lengths, (0, n_empty), constant_values=1)),
        },
        "target": torch.from_numpy(target),
    }


def load_dictionary(folder: Path, name: str) -> Dictionary:
    """Dictionary of a prepared folder or an export, with the mask that fairseq's tasks add.

    Raises:
        DamagedData: there is none, or it is none.
        UserError: it is a link or too large.
    """
    require_own_files(folder, [name])
    try:
        dictionary = Dictionary.load(str(folder / name))
    except Exception as error:  # fairseq raises Exception itself for what is not UTF-8
        reason = str(error).split("\n")[0]
        raise DamagedData(
            f"{folder / name}: cannot be read ({reason}); prepare the folder again"
        ) from error
    dictionary.add_symbol(MASK)
    return dictionary
