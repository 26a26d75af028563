"""Held-out splits from one set of pairs, such that no sentence is in two splits."""

from __future__ import annotations

import random
from array import array
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b

from spaces.errors import UserError
from trainable.data.corpus import Pairs, Split
from trainable.data.manifest import SplitName

MAX_HELD_OUT = 1_000
MIN_TRAIN = 20  # pairs or sentences from which splits can be held out
SEED = 1  # of the splits that are held out from a user's text


def hold_out(whole: Split, *, n_valid: int, n_test: int, seed: int) -> dict[SplitName, Split]:
    """Split ``whole`` at random into train, valid and test, by connected components.

    Pairs that share a sentence, on either side and in lower case, are connected; all pairs of
    a component are in the same split. A component that is too large for what a held-out split
    still lacks stays in train, so such a split can be a little smaller than asked for.

    Args:
        n_valid, n_test: numbers of pairs.
        seed: seed of the random order of components.
    """
    components = connected(whole.tokens)
    random.Random(seed).shuffle(components)
    places: dict[SplitName, list[int]] = {"train": [], "valid": [], "test": []}
    for component in components:
        if len(places["test"]) + len(component) <= n_test:
            places["test"] += component
        elif len(places["valid"]) + len(component) <= n_valid:
            places["valid"] += component
        else:
            places["train"] += component
    splits = {name: whole.take(sorted(chosen)) for name, chosen in places.items()}
    return splits | {"train": replace(splits["train"], dropped=whole.dropped)}


def completed(
    given: Mapping[SplitName, Split], *, unit: str, of_documents: bool = False
) -> dict[SplitName, Split]:
    """All three splits, cleaned; missing ones are held out from train.

    Args:
        given: train, and those of valid and test that are there.
        unit: name of a split's items for messages, in the plural.
        of_documents: sources may have any number of tokens.

    Raises:
        UserError: train is too small to hold out from.
    """
    train = given["train"].cleaned(of_documents=of_documents)
    splits: dict[SplitName, Split] = {"train": train}
    if "valid" not in given or "test" not in given:
        if len(train.raw) < MIN_TRAIN:
            raise UserError(
                f"train: {len(train.raw)} usable {unit} are too few to draw valid and test from "
                f"({MIN_TRAIN} at least); give more text, or the files of valid and test"
            )
        n_drawn = n_held_out(len(train.raw))
        splits = hold_out(
            train,
            n_valid=0 if "valid" in given else n_drawn,
            n_test=0 if "test" in given else n_drawn,
            seed=SEED,
        )
    return splits | {
        name: split.without_blanks() for name, split in given.items() if name != "train"
    }


def n_held_out(n_pairs: int) -> int:
    """Number of pairs in a held-out split: a twentieth of all, at most 1,000."""
    return min(MAX_HELD_OUT, n_pairs // 20)


def connected(pairs: Pairs) -> list[list[int]]:
    """Connected components of ``pairs`` as lists of indices, in order of their first pair.

    Capitals do not tell sentences apart.
    """
    parents = array("q", range(len(pairs)))

    def root(n: int) -> int:
        while parents[n] != n:
            parents[n] = parents[parents[n]]
            n = parents[n]
        return n

    for sentences in (pairs.src, pairs.tgt):
        first: dict[bytes, int] = {}
        for n, sentence in enumerate(sentences):
            # Sixteen bytes rather than the sentence: there can be millions.
            digest = blake2b(sentence.lower().encode(), digest_size=16).digest()
            low, high = sorted((root(n), root(first.setdefault(digest, n))))
            parents[high] = low
    components: dict[int, list[int]] = defaultdict(list)
    for n in range(len(pairs)):
        components[root(n)].append(n)
    return list(components.values())
