"""Sentences in one language, perhaps with labels: the form of a corpus before preparation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from spaces.errors import UserError
from trainable.data.corpus import Pairs, Split, composed_lines, units_of
from trainable.data.manifest import SPLITS, Source, SplitName
from trainable.data.moses import Moses


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """Corpus of sentences in three splits, with the facts for its manifest.

    A split has the raw sentences as its raw source side and their labels as its raw target
    side; both sides of its tokens are those of the sentences.

    Raises:
        UserError: a split is empty.
    """

    name: str
    language: str
    has_labels: bool
    splits: Mapping[SplitName, Split]
    licence: str
    sources: tuple[Source, ...] = ()
    seed: int | None = None
    form: Literal["raw"] = "raw"

    @property
    def languages(self) -> tuple[str, ...]:
        """The language of the text, alone."""
        return (self.language,)

    def __post_init__(self) -> None:
        for name in SPLITS:
            if not len(self.splits[name].raw):
                raise UserError(
                    f"{self.name}: no sentence is left for {name}; give more, or cleaner, text"
                )


def sentence_split(
    sentences: Sequence[str], *, language: str, labels: Sequence[str] | None = None
) -> Split:
    """Split of raw sentences in Unicode's form NFC; the tokens are made from them."""
    composed = composed_lines(sentences, language)
    raw = Pairs(src=composed, tgt=composed if labels is None else list(labels))
    split = Split(raw=raw, tokens=raw, units=units_of(language, language))
    return with_tokens(split, Moses(language, cased=True))


def with_tokens(split: Split, moses: Moses) -> Split:
    """``split`` with the tokens that ``moses`` makes of its sentences."""
    tokens = [moses.tokenise(sentence) for sentence in split.raw.src]
    return replace(split, tokens=Pairs(src=tokens, tgt=tokens))
