"""Dictionaries and binarised files, equal to those of fairseq-preprocess."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from trainable.data.blocks import blocks


def build_dictionary(lines: Iterable[str]) -> Any:
    """Dictionary of the BPE tokens in ``lines``, padded to a multiple of eight entries."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra warns at the first import of fairseq
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra warns at the first import of fairseq
        from fairseq.data import Dictionary

    try:
        return Dictionary.load(str(path))
    except Exception as error:  # fairseq raises Exception itself for what is not UTF-8
        raise ValueError(str(error).split("\n")[0]) from error


def write_binarised(lines: Sequence[str], dictionary: Any, prefix: Path) -> int:
    """Write ``prefix``.bin and .idx; return the number of tokens, ends of sentences included."""
    from fairseq.data import indexed_dataset

    prefix_text = str(prefix)
    builder = indexed_dataset.make_builder(
        indexed_dataset.data_file_path(prefix_text), impl="mmap", vocab_size=len(dictionary)
    )
    index_of, unknown, end = dictionary.indices, dictionary.unk(), dictionary.eos()
    n_tokens = 0
    for block in blocks(lines):
        indices: list[int] = []
        lengths: list[int] = []
        for line in block:
            tokens = line.split()
            indices.extend([index_of.get(token, unknown) for token in tokens])
            indices.append(end)
            lengths.append(len(tokens) + 1)
        for sentence in torch.split(torch.tensor(indices), lengths):
            builder.add_item(sentence)
        n_tokens += len(indices)
    builder.finalize(indexed_dataset.index_file_path(prefix_text))
    return n_tokens
