"""Aligned raw and tokenised sentences: the form of every corpus before preparation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from spaces.errors import UserError
from trainable.data.blobs import Blob
from trainable.data.lines import lines_of
from trainable.data.manifest import SPLITS, Source, SplitName
from trainable.data.moses import Moses

MAX_TOKENS = 175  # longest training sentence; the limit of the IWSLT'14 pipeline


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
        """The pairs at ``places``, in that order."""
        src, tgt = self.src, self.tgt
        return Pairs(src=[src[n] for n in places], tgt=[tgt[n] for n in places])


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One split: raw, and Moses-tokenised, escaped and lower-cased."""

    raw: Pairs
    tokens: Pairs

    def take(self, places: Sequence[int]) -> Split:
        """The sentences at ``places``, in that order."""
        return Split(raw=self.raw.take(places), tokens=self.tokens.take(places))

    def without_blanks(self) -> Split:
        """The pairs with text on both sides."""
        return self.take([n for n in range(len(self.raw)) if min(self._lengths(n)) > 0])

    def cleaned(self, *, max_ratio: float | None = None) -> Split:
        """The pairs to train on: 1 to 175 tokens a side, lengths at most ``max_ratio`` apart."""
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
    """A parallel corpus in three splits, with what its manifest must tell."""

    name: str
    src: str
    tgt: str
    splits: Mapping[SplitName, Split]
    licence: str
    sources: tuple[Source, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in SPLITS:
            if not len(self.splits[name].raw):
                raise UserError(
                    f"{self.name}: no sentence pair is left for {name}; give more, or cleaner, text"
                )


def aligned(src: Blob, tgt: Blob) -> Pairs:
    """The lines of two files that must have equally many."""
    return paired(src, tgt, read=lines_of)


def paired(src: Blob, tgt: Blob, *, read: Callable[[Blob], list[str]]) -> Pairs:
    """The sentences that ``read`` finds in two files, which must be equally many."""
    src_lines, tgt_lines = read(src), read(tgt)
    if len(src_lines) != len(tgt_lines):
        raise UserError(
            f"{src.place} has {len(src_lines)} sentences and {tgt.place} has {len(tgt_lines)}; "
            "sentence n of one must translate sentence n of the other"
        )
    return Pairs(src=src_lines, tgt=tgt_lines)


def from_raw(raw: Pairs, *, src: str, tgt: str) -> Split:
    """A split of raw sentences, tokenised."""
    src_moses, tgt_moses = Moses(src), Moses(tgt)
    tokens = Pairs(
        src=[src_moses.tokenise(line) for line in raw.src],
        tgt=[tgt_moses.tokenise(line) for line in raw.tgt],
    )
    return Split(raw=raw, tokens=tokens)


def from_tokens(tokens: Pairs, *, src: str, tgt: str) -> Split:
    """A split of sentences that are tokenised and escaped; the raw text is made from them."""
    src_moses, tgt_moses = Moses(src), Moses(tgt)
    raw = Pairs(
        src=[src_moses.detokenise(line) for line in tokens.src],
        tgt=[tgt_moses.detokenise(line) for line in tokens.tgt],
    )
    lower = Pairs(
        src=[line.lower() for line in tokens.src], tgt=[line.lower() for line in tokens.tgt]
    )
    return Split(raw=raw, tokens=lower)
