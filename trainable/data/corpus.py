"""Parallel text, raw and tokenised: the form of every corpus before preparation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from spaces.errors import UserError
from trainable.characters import normal
from trainable.data.blobs import Blob
from trainable.data.lines import lines_of
from trainable.data.manifest import SPLITS, Source, SplitName
from trainable.data.moses import Moses
from trainable.data.pieces import GivenPieces
from trainable.data.tokenisation import Form

log = logging.getLogger(__name__)

MAX_TOKENS = 175  # tokens of the longest training sentence, as in the IWSLT'14 pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Sentences and their translations, in order."""

    src: Sequence[str]
    tgt: Sequence[str]

    def __post_init__(self) -> None:
        if len(self.src) != len(self.tgt):
            raise ValueError(f"{len(self.src)} source and {len(self.tgt)} target sentences")

    def __len__(self) -> int:
        return len(self.src)

    def take(self, places: Sequence[int]) -> Pairs:
        """Pairs at the indices ``places``, in that order."""
        src, tgt = self.src, self.tgt
        return Pairs(src=[src[n] for n in places], tgt=[tgt[n] for n in places])


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One split of a corpus, as raw text and as tokens."""

    raw: Pairs
    tokens: Pairs  # Moses-tokenised and escaped, in the case of the raw text

    def take(self, places: Sequence[int]) -> Split:
        """Sentences at the indices ``places``, in that order."""
        return Split(raw=self.raw.take(places), tokens=self.tokens.take(places))

    def without_blanks(self) -> Split:
        """Split without pairs that are empty on a side."""
        return self.take([n for n in range(len(self.raw)) if min(self._lengths(n)) > 0])

    def cleaned(self, *, max_ratio: float | None = None) -> Split:
        """Split without pairs that are unfit for training.

        A side must have 1 to 175 tokens; the longer one at most ``max_ratio`` times the other's.
        """
        return self.take([n for n in range(len(self.raw)) if self._is_clean(n, max_ratio)])

    def _is_clean(self, n: int, max_ratio: float | None) -> bool:
        shorter, longer = sorted(self._lengths(n))
        return (
            shorter > 0
            and longer <= MAX_TOKENS
            and (max_ratio is None or longer <= max_ratio * shorter)
        )

    def _lengths(self, n: int) -> tuple[int, int]:
        return len(self.tokens.src[n].split()), len(self.tokens.tgt[n].split())


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelText:
    """Parallel corpus in three splits, with the facts for its manifest.

    Raises:
        UserError: a split is empty.
    """

    name: str
    src: str
    tgt: str
    splits: Mapping[SplitName, Split]
    licence: str
    sources: tuple[Source, ...] = ()
    seed: int | None = None
    form: Form = "raw"  # of the text that was given

    def __post_init__(self) -> None:
        for name in SPLITS:
            if not len(self.splits[name].raw):
                raise UserError(
                    f"{self.name}: no sentence pair is left for {name}; give more, or cleaner, text"
                )


def aligned(src: Blob, tgt: Blob) -> Pairs:
    """Lines of two files as pairs.

    Raises:
        UserError: the files have different numbers of lines, or one cannot be read as text.
    """
    return paired(src, tgt, read=lines_of)


def paired(src: Blob, tgt: Blob, *, read: Callable[[Blob], list[str]]) -> Pairs:
    """Sentences that ``read`` finds in two files, as pairs.

    Raises:
        UserError: the files have different numbers of sentences.
    """
    src_lines, tgt_lines = read(src), read(tgt)
    if len(src_lines) != len(tgt_lines):
        raise UserError(
            f"{src.place} has {len(src_lines)} sentences and {tgt.place} has {len(tgt_lines)}; "
            "sentence n of one must translate sentence n of the other"
        )
    return Pairs(src=src_lines, tgt=tgt_lines)


def from_raw(raw: Pairs, *, src: str, tgt: str) -> Split:
    """Split of raw sentences in Unicode's form NFC; the tokens are made from them."""
    composed = Pairs(src=_composed(raw.src, src), tgt=_composed(raw.tgt, tgt))
    src_moses, tgt_moses = Moses(src, cased=True), Moses(tgt, cased=True)
    tokens = Pairs(
        src=[src_moses.tokenise(line) for line in composed.src],
        tgt=[tgt_moses.tokenise(line) for line in composed.tgt],
    )
    return Split(raw=composed, tokens=tokens)


def from_tokens(tokens: Pairs, *, src: str, tgt: str, segmented: bool = False) -> Split:
    """Split of tokenised, escaped sentences; the raw text is made from them.

    Args:
        segmented: the tokens are subword units, joined to the next by ``@@`` at their end.
    """
    words = GivenPieces().join if segmented else str
    src_moses, tgt_moses = Moses(src), Moses(tgt)
    raw = Pairs(
        src=[src_moses.detokenise(words(line)) for line in tokens.src],
        tgt=[tgt_moses.detokenise(words(line)) for line in tokens.tgt],
    )
    return Split(raw=raw, tokens=tokens)


def _composed(lines: Sequence[str], language: str) -> list[str]:
    """Lines in Unicode's form NFC; the log tells how many were not."""
    composed = [normal(line) for line in lines]
    n_changed = sum(new != old for new, old in zip(composed, lines, strict=True))
    if n_changed:
        log.warning(
            "%s: %d sentences were not in Unicode's form NFC, or had no visible character; "
            "they are composed, or empty, now",
            *(language, n_changed),
        )
    return composed
