"""Batches of sentence pairs, gathered from the mapped files in a few array operations.

Shapes: B batch, S source, T target.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from fairseq.data import LanguagePairDataset, indexed_dataset

from trainable.buckets import Bucket
from trainable.device import to_device

PADDING = 1  # fairseq's padding index in every dictionary

Indices = npt.NDArray[np.int64]
Batch = dict[str, Any]  # the batch of LanguagePairDataset.collater


class Collator:
    """Makes the batches of ``LanguagePairDataset.collater``, faster.

    That collater takes sentences one by one, at 50 µs each: for a small model as long as its
    update.
    """

    def __init__(self, dataset: LanguagePairDataset, *, src: Path, tgt: Path) -> None:
        """``src`` and ``tgt`` are the binarised files without their ``.bin``."""
        self._src = MappedSentences(src, dataset.src_sizes, n_rows=len(dataset.src_dict))
        self._tgt = MappedSentences(tgt, dataset.tgt_sizes, n_rows=len(dataset.tgt_dict))
        self._end = dataset.tgt_dict.eos()

    def __call__(self, indices: Indices, bucket: Bucket | None = None) -> Batch:
        """The pairs ``indices``, the longest source first; sources padded on their left.

        In a ``bucket`` the batch has its shape. Rows without a pair have a lone end of
        sentence as source, and padding as target.
        """
        lengths_B = self._src.sizes[indices]
        order = np.argsort(-lengths_B, kind="stable")
        indices, lengths_B = indices[order], lengths_B[order]
        n_rows = len(indices) if bucket is None else bucket.n_rows
        src_width, tgt_width = (None, None) if bucket is None else bucket.lengths
        src_BS = self._src.padded(indices, n_rows, src_width, on_the_left=True)
        src_BS[len(indices) :, -1] = self._end
        lengths_B = np.pad(lengths_B, (0, n_rows - len(indices)), constant_values=1)
        target_BT = self._tgt.padded(indices, n_rows, tgt_width)
        # What the decoder is fed: the end of the sentence before, then all but the last token.
        fed_BT = np.roll(target_BT, 1, axis=1)
        fed_BT[fed_BT == self._end] = PADDING
        fed_BT[:, 0] = self._end
        return {
            "id": torch.from_numpy(indices),
            "nsentences": len(indices),
            "ntokens": int(self._tgt.sizes[indices].sum()),
            "net_input": {
                "src_tokens": torch.from_numpy(src_BS),
                "src_lengths": torch.from_numpy(lengths_B),
                "prev_output_tokens": torch.from_numpy(fed_BT),
            },
            "target": torch.from_numpy(target_BT),
        }


def inputs_on_device(batch: Batch, device: torch.device) -> Batch:
    """``batch`` with what the model takes on ``device``; the target stays with the host.

    On the CPU the loss finds its tokens without waiting for a GPU to count them.
    """
    inputs = {name: to_device(tensor, device) for name, tensor in batch["net_input"].items()}
    return batch | {"net_input": inputs}


class MappedSentences:
    """Sentences of a split in one language: their tokens in a row, as in the .bin file."""

    def __init__(self, prefix: Path, sizes: npt.NDArray[Any], *, n_rows: int) -> None:
        """``prefix`` is the file without its ``.bin``, ``n_rows`` the dictionary's length."""
        path = indexed_dataset.data_file_path(str(prefix))
        dtype = indexed_dataset.best_fitting_int_dtype(n_rows)
        self._tokens = np.memmap(path, dtype=dtype, mode="r")
        self.sizes = sizes.astype(np.int64)
        self._ends = np.cumsum(self.sizes)

    def padded(
        self, indices: Indices, n_rows: int, width: int | None, *, on_the_left: bool = False
    ) -> Indices:
        """The sentences as rows of ``width``, the longest one's if None; then rows of padding."""
        sizes_B1 = self.sizes[indices, None]
        width = int(sizes_B1.max()) if width is None else width
        columns = np.arange(width)
        if on_the_left:
            columns = columns - (width - sizes_B1)
        places = (self._ends[indices, None] - sizes_B1) + columns
        inside = (columns >= 0) & (columns < sizes_B1)
        tokens = self._tokens[np.where(inside, places, 0)]
        rows = np.full((n_rows, width), PADDING, dtype=np.int64)
        rows[: len(indices)] = np.where(inside, tokens, PADDING)
        return rows
