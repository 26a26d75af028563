"""Dictionaries and binarised files, equal to those of fairseq-preprocess."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from trainable.data.blocks import blocks
from trainable.first_import import import_fairseq


def build_dictionary(lines: Iterable[str]) -> Any:
    """Dictionary of the BPE tokens in ``lines``, padded to a multiple of eight entries."""
    import_fairseq()
    from fairseq.data import Dictionary

    dictionary = Dictionary()
    counts: Counter[str] = Counter()
    for block in blocks(lines):
        counts.update(chain.from_iterable(map(str.split, block)))
        counts[dictionary.eos_word] += len(block)
    for token, count in sorted(counts.items()):
        dictionary.add_symbol(token, count)
    dictionary.finalize(threshold=0, nwords=-1, padding_factor=8)
    return dictionary


def load_dictionary(path: Path) -> Any:
    """Dictionary in a file of fairseq's.

    Raises:
        ValueError: it is none.
    """
    import_fairseq()
    from fairseq.data import Dictionary

    try:
        return Dictionary.load(str(path))
    except Exception as error:  # fairseq raises Exception itself for what is not UTF-8
        raise ValueError(str(error).split("\n")[0]) from error


def write_binarised(lines: Sequence[str], dictionary: Any, prefix: Path) -> int:
    """Write ``prefix``.bin and .idx; return the number of tokens, ends of sentences included.

    fairseq's builder takes one sentence at a time, which takes three times as long.
    """
    import_fairseq()
    from fairseq.data import indexed_dataset

    dtype = indexed_dataset.best_fitting_int_dtype(len(dictionary))
    index_of = _Indices(dictionary.indices, unknown=dictionary.unk())
    lengths: list[int] = []
    with Path(indexed_dataset.data_file_path(str(prefix))).open("wb") as file:
        for block in blocks(lines):
            sentences = [line.split() for line in block]
            for sentence in sentences:
                sentence.append(dictionary.eos_word)
            indices = map(index_of.__getitem__, chain.from_iterable(sentences))
            file.write(np.fromiter(indices, dtype).tobytes())
            lengths.extend(map(len, sentences))
    index_path = indexed_dataset.index_file_path(str(prefix))
    with indexed_dataset.MMapIndexedDataset.Index.writer(index_path, dtype) as index:
        index.write(lengths)
    return sum(lengths)


class _Indices(dict[str, int]):
    """Indices of tokens; that of a token which is not there is ``unknown``."""

    def __init__(self, indices: Mapping[str, int], *, unknown: int) -> None:
        super().__init__(indices)
        self._unknown = unknown

    def __missing__(self, token: str) -> int:
        return self._unknown
