"""The embedded corpus: any number of pairs, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator

from trainable.data.corpus import Pairs, ParallelText, from_raw
from trainable.data.grammar.clause import sample_sentence
from trainable.data.grammar.english import english
from trainable.data.grammar.german import german
from trainable.data.manifest import SplitName

Pair = tuple[str, str]  # German, English


def grammar(
    *, seed: int = 1, n_train: int = 20_000, n_valid: int = 500, n_test: int = 500
) -> ParallelText:
    """Corpus of German and English sentences of the embedded grammar.

    No sentence of valid or test, in either language, occurs in another split; train can
    contain repeats. Valid and test do not depend on ``n_train``, and a longer train split
    begins with the shorter one.
    """
    test = _distinct(_sentences(random.Random(f"{seed}/test")), n_test, apart_from=())
    valid = _distinct(_sentences(random.Random(f"{seed}/valid")), n_valid, apart_from=test)
    held_out = {sentence for pair in (*valid, *test) for sentence in pair}
    train: list[Pair] = []
    for pair in _sentences(random.Random(f"{seed}/train")):
        if len(train) == n_train:
            break
        if held_out.isdisjoint(pair):
            train.append(pair)
    splits: dict[SplitName, list[Pair]] = {"train": train, "valid": valid, "test": test}
    return ParallelText(
        name="grammar",
        src="de",
        tgt="en",
        seed=seed,
        splits={
            name: from_raw(_pairs(pairs), src="de", tgt="en") for name, pairs in splits.items()
        },
        licence="MIT, as the generator is",
    )


def _sentences(rng: random.Random) -> Iterator[Pair]:
    while True:
        sentence = sample_sentence(rng)
        yield german(sentence), english(sentence)


def _distinct(sentences: Iterator[Pair], n: int, *, apart_from: Collection[Pair]) -> list[Pair]:
    """First ``n`` pairs without a sentence that occurred before or in ``apart_from``."""
    seen = {sentence for pair in apart_from for sentence in pair}
    chosen: list[Pair] = []
    while len(chosen) < n:
        pair = next(sentences)
        if seen.isdisjoint(pair):
            seen.update(pair)
            chosen.append(pair)
    return chosen


def _pairs(pairs: list[Pair]) -> Pairs:
    return Pairs(src=[pair[0] for pair in pairs], tgt=[pair[1] for pair in pairs])
