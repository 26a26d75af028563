"""Byte pair encoding by subword-nmt: learning, applying and undoing it."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from typing import Protocol

from subword_nmt.apply_bpe import BPE
from subword_nmt.learn_bpe import learn_bpe

from spaces.errors import UserError

CONTINUES = "@@ "
MAX_WORDS = 1_000_000  # different ones that merges are learned on, the most frequent: for memory
_N_CACHED = 2**17  # words
_VERSION = "#version: 0.2"  # subword-nmt's learner writes no other


class Segmenter(Protocol):
    """Object that splits the words of a tokenised sentence into BPE units."""

    def segment(self, sentence: str) -> str: ...


def learn(lines: Iterable[str], *, n_merges: int) -> str:
    """Codes of up to ``n_merges`` merges, learned on the tokenised ``lines``.

    Raises:
        UserError: the lines contain too little text for a merge.
    """
    counts = Counter(chain.from_iterable(map(str.split, lines)))
    if not any(len(word) > 1 for word in counts):
        raise UserError("BPE: no word of the training text has two letters; give more text")
    known = counts.most_common(MAX_WORDS) if len(counts) > MAX_WORDS else counts.items()
    words = io.StringIO("".join(f"{word} {count}\n" for word, count in known))
    codes = io.StringIO()
    # subword-nmt prints a progress bar and messages to stderr, also without a terminal.
    with contextlib.redirect_stderr(io.StringIO()):
        learn_bpe(words, codes, n_merges, is_dict=True)
    if count_merges(codes.getvalue()) == 0:
        raise UserError("BPE: no pair of letters comes twice in the training text; give more text")
    return codes.getvalue()


def count_merges(codes: str) -> int:
    """Number of merges in ``codes`` (the first line is the version)."""
    return codes.count("\n") - 1


def segmenter(codes: str) -> Segmenter:
    """Segmenter that applies ``codes``, with a cache of words of limited size.

    Raises:
        ValueError: ``codes`` are not valid; subword-nmt would end the program.
    """
    first, *merges = codes.removesuffix("\n").split("\n")
    if first != _VERSION or not merges:
        raise ValueError(f"it does not begin with '{_VERSION}' and a pair")
    for number, merge in enumerate(merges, start=2):
        if len(merge.strip("\r\n ").split(" ")) != 2:
            raise ValueError(f"line {number} is no pair")
    return _WordSegmenter(BPE(io.StringIO(codes)))


class _WordSegmenter:
    """subword-nmt's BPE, word by word: its own cache has no limit."""

    def __init__(self, bpe: BPE) -> None:
        self._bpe = bpe
        self._word = lru_cache(_N_CACHED)(self._segmented)

    def segment(self, sentence: str) -> str:
        return " ".join(map(self._word, filter(None, sentence.strip("\r\n ").split(" "))))

    def _segmented(self, word: str) -> str:
        self._bpe.cache.clear()
        return str(self._bpe.segment(word))


def join(tokens: str) -> str:
    """Words of a sentence of BPE tokens."""
    return (tokens + " ").replace(CONTINUES, "").rstrip()
