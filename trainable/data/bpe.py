"""Byte pair encoding by subword-nmt: learned jointly, applied, removed."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from subword_nmt.apply_bpe import BPE
from subword_nmt.learn_bpe import learn_bpe

from spaces.errors import UserError

CONTINUES = "@@ "


class Segmenter(Protocol):
    """What splits the words of a tokenised sentence."""

    def segment(self, sentence: str) -> str: ...


def learn(lines: Iterable[str], *, n_merges: int) -> str:
    """The codes of up to ``n_merges`` merges over the tokenised ``lines``."""
    counts = Counter(word for line in lines for word in line.split())
    if not any(len(word) > 1 for word in counts):
        raise UserError("BPE: no word of the training text has two letters; give more text")
    words = io.StringIO("".join(f"{word} {count}\n" for word, count in counts.items()))
    codes = io.StringIO()
    # It draws a progress bar and remarks on stderr, terminal or not.
    with contextlib.redirect_stderr(io.StringIO()):
        learn_bpe(words, codes, n_merges, is_dict=True)
    return codes.getvalue()


def count_merges(codes: str) -> int:
    """How many merges the codes hold (the first line tells the version)."""
    return codes.count("\n") - 1


def segmenter(codes: str) -> Segmenter:
    """What applies ``codes``; it remembers the words it has seen."""
    bpe: Segmenter = BPE(io.StringIO(codes))
    return bpe


def join(tokens: str) -> str:
    """The words that BPE tokens spell."""
    return (tokens + " ").replace(CONTINUES, "").rstrip()
