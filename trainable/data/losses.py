"""Losses of a preparation: pairs left out, evaluation sets and what train has of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_TOKENS = 175  # tokens of the longest training sentence, as in the IWSLT'14 pipeline
MAX_CHARACTERS = 3 * MAX_TOKENS  # of it in a language without spaces, where words don't show

Rule = Literal["empty", "too_long", "too_many_characters", "ratio"]
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_RULES: Mapping[Rule, str] = {
    "empty": "empty",
    "too_long": f"over {MAX_TOKENS} tokens",
    "too_many_characters": f"over {MAX_CHARACTERS} characters",
    "ratio": "of too unequal lengths",
}


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dropped(_Record):
    """Numbers of pairs, or sentences, left out of a split, each at the first rule it breaks."""

    empty: _Count = 0
    too_long: _Count = 0
    too_many_characters: _Count = 0  # of a side in a language without spaces
    ratio: _Count = 0

    def __str__(self) -> str:
        counts = self.model_dump()
        found = [f"{counts[rule]:,} {words}" for rule, words in _RULES.items() if counts[rule]]
        return ", ".join(found) or "none"


NONE_DROPPED = Dropped()


class Overlap(_Record):
    """Numbers of an evaluation set's pairs, and source sentences, whose tokens are in train.

    A sentence of a text in one language makes a pair with its label, if it has one.
    """

    pairs: _Count
    sources: _Count
    nearly: _Count | None = None  # further sources, with a near-duplicate; earlier versions: None

    def __str__(self) -> str:
        exact = f"whole pairs {self.pairs:,}, sources {self.sources:,}"
        return exact if self.nearly is None else f"{exact}, near-duplicates {self.nearly:,}"


class Cut(_Record):
    """Numbers of documents that lost their end, by split."""

    tokens: _Count  # that a document keeps at most
    documents: Mapping[Literal["train", "valid", "test"], _Count]

    def __str__(self) -> str:
        counts = "; ".join(f"{name}: {n:,}" for name, n in self.documents.items())
        return f"documents cut after {self.tokens:,} tokens: {counts}"


class Losses(_Record):
    """Losses of all splits, as the manifest records them."""

    dropped: Mapping[Literal["train", "valid", "test"], Dropped]
    overlap: Mapping[Literal["valid", "test"], Overlap]
    cut: Cut | None = None  # of documents alone
    # Pairs of train that came before, token by token, and are kept; earlier versions: None.
    repeated: _Count | None = None
    # Sentences whose label train has not; None without labels, and of earlier versions.
    unseen_labels: Mapping[Literal["valid", "test"], _Count] | None = None

    def lines(self) -> list[str]:
        """Lines for the screen: what was left out, cut or repeated, and the overlap with train.

        Labels that train has not are told where there are any.
        """
        dropped = "; ".join(f"{name}: {counts}" for name, counts in self.dropped.items())
        overlap = "; ".join(f"{name}: {counts}" for name, counts in self.overlap.items())
        return [
            f"left out: {dropped}",
            *([] if self.cut is None else [str(self.cut)]),
            *([] if self.repeated is None else [f"repeated in train, and kept: {self.repeated:,}"]),
            f"in train too: {overlap}",
            *self._unseen_lines(),
        ]

    def _unseen_lines(self) -> list[str]:
        unseen = self.unseen_labels or {}
        if not any(unseen.values()):
            return []
        counts = "; ".join(f"{name}: {n:,}" for name, n in unseen.items())
        return [f"sentences of a label that train lacks, which no model can learn: {counts}"]
