"""Parallel text, raw and tokenised: the form of every corpus before preparation."""

from __future__ import annotations

import logging
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from spaces.errors import UserError
from trainable.characters import is_unspaced, normal
from trainable.data.blobs import Blob
from trainable.data.hyphens import HyphenMark, mark_in
from trainable.data.lines import published_lines
from trainable.data.losses import MAX_CHARACTERS, MAX_TOKENS, NONE_DROPPED, Dropped, Rule
from trainable.data.manifest import SPLITS, Source, SplitName
from trainable.data.moses import Moses
from trainable.data.pieces import GivenPieces
from trainable.data.stored_lines import MadeLines, NewLines, collected, taken
from trainable.data.tokenisation import Form

log = logging.getLogger(__name__)


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

    def reversed(self) -> Pairs:
        """The same pairs in the other direction."""
        return Pairs(src=self.tgt, tgt=self.src)

    def take(self, places: array[int]) -> Pairs:
        """Pairs at the indices ``places``, in that order."""
        return Pairs(src=taken(self.src, places), tgt=taken(self.tgt, places))


Unit = Literal["words", "words of subwords", "characters"]  # that a side's length counts
_Limit = tuple[int, Rule]  # of a length, and the rule that a longer one breaks
_LIMITS: Mapping[Unit, _Limit] = {
    "words": (MAX_TOKENS, "too_long"),
    "words of subwords": (MAX_TOKENS, "too_long"),
    "characters": (MAX_CHARACTERS, "too_many_characters"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One split of a corpus, as raw text and as tokens."""

    raw: Pairs
    tokens: Pairs  # Moses-tokenised and escaped, in the case of the raw text
    dropped: Dropped = NONE_DROPPED  # pairs that ``cleaned`` or ``without_blanks`` left out
    numbers: Sequence[int] | None = None  # of the lines that the pairs were; None: 1, 2, 3 …
    units: tuple[Unit, Unit] = ("words", "words")  # of the lengths of both sides

    def take(self, places: Sequence[int]) -> Split:
        """Sentences at the indices ``places``, in that order; of stored text they increase."""
        chosen = array("q", places)
        return Split(
            raw=self.raw.take(chosen),
            tokens=self.tokens.take(chosen),
            numbers=array("q", map(self.line, chosen)),
            units=self.units,
        )

    def reversed(self) -> Split:
        """The same pairs in the other direction."""
        return replace(
            self,
            raw=self.raw.reversed(),
            tokens=self.tokens.reversed(),
            units=(self.units[1], self.units[0]),
        )

    def line(self, n: int) -> int:
        """Number of the line that pair ``n`` was in its text, from 1."""
        return n + 1 if self.numbers is None else self.numbers[n]

    def without_blanks(self) -> Split:
        """Split without pairs that are empty on a side."""
        return self._without(lambda *lengths: None if min(lengths) > 0 else "empty")

    def cleaned(self, *, max_ratio: float | None = None, of_documents: bool = False) -> Split:
        """Split without pairs that are unfit for training.

        A side must have 1 to 175 tokens, or 1 to 525 characters in a language without spaces; of
        two sides in tokens the longer one has at most ``max_ratio`` times the other's. A source
        that is a document may be of any length.
        """
        if "characters" in self.units:
            max_ratio = None  # made for words against words
        limited = ((not of_documents, self.units[0]), (True, self.units[1]))
        limits = [_LIMITS[unit] if is_limited else None for is_limited, unit in limited]
        return self._without(partial(_broken_rule, limits=limits, max_ratio=max_ratio))

    def _without(self, broken_rule: Callable[[int, int], Rule | None]) -> Split:
        """Split without pairs whose lengths break a rule, and their counts by rule."""
        places, counts = array("q"), Counter[Rule]()
        lengths = zip(
            _lengths(self.raw.src, self.tokens.src, self.units[0]),
            _lengths(self.raw.tgt, self.tokens.tgt, self.units[1]),
            strict=True,
        )
        for n, (n_src, n_tgt) in enumerate(lengths):
            rule = broken_rule(n_src, n_tgt)
            if rule is None:
                places.append(n)
            else:
                counts[rule] += 1
        return replace(self.take(places), dropped=Dropped.model_validate(counts))


def _broken_rule(
    *lengths: int, limits: Sequence[_Limit | None], max_ratio: float | None
) -> Rule | None:
    shorter, longer = sorted(lengths)
    if shorter == 0:
        return "empty"
    for length, limit in zip(lengths, limits, strict=True):
        if limit is not None and length > limit[0]:
            return limit[1]
    return None if max_ratio is None or longer <= max_ratio * shorter else "ratio"


def _lengths(raw: Sequence[str], tokens: Sequence[str], unit: Unit) -> Iterator[int]:
    """Lengths of a side's sentences."""
    match unit:
        case "words":
            return (len(line.split()) for line in tokens)
        case "words of subwords":
            return (len(line.split()) for line in map(GivenPieces().join, tokens))
        case "characters":
            return (len(line) - line.count(" ") for line in raw)


def units_of(src: str, tgt: str, *, segmented: bool = False) -> tuple[Unit, Unit]:
    """Units of the lengths of sentences in two languages."""
    words: Unit = "words of subwords" if segmented else "words"
    return (
        "characters" if is_unspaced(src) else words,
        "characters" if is_unspaced(tgt) else words,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryLengths:
    """Lengths of documents and summaries in subword tokens, without the end."""

    document: int  # where a document is cut
    summary: int | None = None  # of the longest summary to decode; None: the longest in train


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
    summaries: SummaryLengths | None = None  # of documents and their summaries
    form: Form | Literal["pieces"] = "raw"  # of the given text; pieces are SentencePiece's units
    dictionaries: tuple[bytes, bytes] | None = None  # given ones, as their files hold them

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the text."""
        return self.src, self.tgt

    def __post_init__(self) -> None:
        for name in SPLITS:
            if not len(self.splits[name].raw):
                raise UserError(
                    f"{self.name}: no sentence pair is left for {name}; give more, or cleaner, text"
                )


def aligned(src: Blob, tgt: Blob) -> Pairs:
    """Lines of two files of a published corpus as pairs.

    Raises:
        UserError: the files have different numbers of lines, or one cannot be read as text.
    """
    return paired(src, tgt, read=published_lines)


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
    composed = Pairs(src=composed_lines(raw.src, src), tgt=composed_lines(raw.tgt, tgt))
    return tokenised(composed, src=src, tgt=tgt)


def tokenised(raw: Pairs, *, src: str, tgt: str, new_lines: NewLines = list) -> Split:
    """Split of raw sentences that are in form NFC already."""
    src_words, tgt_words = Moses(src, cased=True).tokenise, Moses(tgt, cased=True).tokenise
    tokens = Pairs(
        src=collected(map(src_words, raw.src), new_lines),
        tgt=collected(map(tgt_words, raw.tgt), new_lines),
    )
    return Split(raw=raw, tokens=tokens, units=units_of(src, tgt))


def hyphen_mark(tokens: Pairs) -> HyphenMark | None:
    """The mark that parts compounds in tokenised sentences of either side."""
    return mark_in(tokens.src) or mark_in(tokens.tgt)


def from_tokens(tokens: Pairs, *, src: str, tgt: str, segmented: bool = False) -> Split:
    """Split of tokenised, escaped sentences; the raw text is made from them when it is read.

    Args:
        segmented: the tokens are subword units, joined to the next by ``@@`` at their end.
    """
    words = GivenPieces().join if segmented else str
    mark = hyphen_mark(tokens)
    src_moses, tgt_moses = Moses(src, hyphen_mark=mark), Moses(tgt, hyphen_mark=mark)
    raw = Pairs(
        src=MadeLines(lambda line: src_moses.detokenise(words(line)), tokens.src),
        tgt=MadeLines(lambda line: tgt_moses.detokenise(words(line)), tokens.tgt),
    )
    return Split(raw=raw, tokens=tokens, units=units_of(src, tgt, segmented=segmented))


def composed_lines(lines: Sequence[str], language: str) -> list[str]:
    """Lines in Unicode's form NFC; the log tells how many were not."""
    composed = [normal(line) for line in lines]
    tell_composed(sum(new != old for new, old in zip(composed, lines, strict=True)), language)
    return composed


def tell_composed(n_changed: int, language: str) -> None:
    """Warn of sentences that were not in Unicode's form NFC."""
    if n_changed:
        log.warning(
            "%s: %d sentences were not in Unicode's form NFC, or had no visible character; "
            "they are composed, or empty, now",
            *(language, n_changed),
        )
