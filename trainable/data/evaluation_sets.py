"""Checks of the sets before they are written: lengths, repetitions, and what train has seen."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Set
from typing import Literal

import numpy as np

from spaces.errors import UserError
from trainable.data.corpus import Pairs, ParallelText
from trainable.data.losses import Overlap
from trainable.data.manifest import MAX_POSITIONS, SplitName
from trainable.data.near_duplicates import near_duplicates

EvaluationName = Literal["valid", "test"]
EVALUATION_SETS: tuple[EvaluationName, ...] = ("valid", "test")


def require_short_sentences(corpus: ParallelText, segmented: Mapping[SplitName, Pairs]) -> None:
    """Check that evaluation can take every sentence of valid and test.

    Raises:
        UserError: a sentence has more subword tokens than positions.
    """
    for name in EVALUATION_SETS:
        pairs = segmented[name]
        for language, sentences in ((corpus.src, pairs.src), (corpus.tgt, pairs.tgt)):
            for place, sentence in enumerate(sentences):
                n_tokens = len(sentence.split())
                if n_tokens >= MAX_POSITIONS:
                    raise UserError(
                        f"{name}: line {corpus.splits[name].line(place):,} of the {language} text "
                        f"that it is from has {n_tokens:,} tokens; evaluation takes "
                        f"{MAX_POSITIONS - 1:,} at most: shorten or split it, or remove the pair"
                    )


def n_repeated(pairs: Pairs) -> int:
    """Number of pairs that are equal to an earlier one.

    Eight bytes are kept of each; that two of 4.5 million share them has a chance of one in a
    million.
    """
    hashes = array("q", map(hash, zip(pairs.src, pairs.tgt, strict=True)))
    return len(hashes) - len(np.unique(np.asarray(hashes)))


def overlap_with_train(segmented: Mapping[SplitName, Pairs]) -> dict[EvaluationName, Overlap]:
    """Pairs of valid and test that are in train too, token by token or nearly."""
    train = segmented["train"]
    sources = [source for name in EVALUATION_SETS for source in segmented[name].src]
    near = {sources[place] for place in near_duplicates(sources, train.src)}
    return {name: _overlap(segmented[name], train, near) for name in EVALUATION_SETS}


def _overlap(evaluated: Pairs, train: Pairs, near: Set[str]) -> Overlap:
    # Sets of the evaluation set's sentences: train can be too large for one of its own.
    pairs = list(zip(evaluated.src, evaluated.tgt, strict=True))
    seen_pairs = set(pairs).intersection(zip(train.src, train.tgt, strict=True))
    seen_sources = set(evaluated.src).intersection(train.src)
    only_near = near - seen_sources
    return Overlap(
        pairs=sum(pair in seen_pairs for pair in pairs),
        sources=sum(source in seen_sources for source in evaluated.src),
        nearly=sum(source in only_near for source in evaluated.src),
    )
