"""Splits of generated texts whose evaluation sets hold no text of another split."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator

from trainable.data.manifest import SplitName

Item = tuple[str, str]  # a text, and its label or summary


def drawn_splits(
    items: Callable[[random.Random], Iterator[Item]],
    *,
    seed: int,
    n_train: int,
    n_valid: int,
    n_test: int,
) -> dict[SplitName, list[Item]]:
    """Splits of items without end; a text of valid or test is in no other split, nor twice.

    Train can contain repeats.
    """
    test = _distinct(items(random.Random(f"{seed}/test")), n_test, apart_from=())
    valid = _distinct(items(random.Random(f"{seed}/valid")), n_valid, apart_from=test)
    held_out = {text for text, _ in (*valid, *test)}
    train: list[Item] = []
    for item in items(random.Random(f"{seed}/train")):
        if len(train) == n_train:
            break
        if item[0] not in held_out:
            train.append(item)
    return {"train": train, "valid": valid, "test": test}


def _distinct(items: Iterator[Item], n: int, *, apart_from: Collection[Item]) -> list[Item]:
    """First ``n`` items whose text did not occur before or in ``apart_from``."""
    seen = {text for text, _ in apart_from}
    chosen: list[Item] = []
    while len(chosen) < n:
        item = next(items)
        if item[0] not in seen:
            seen.add(item[0])
            chosen.append(item)
    return chosen
