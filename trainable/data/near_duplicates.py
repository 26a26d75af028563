"""Near-duplicates of evaluated sentences in train."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from html import unescape

from trainable.data import bpe

# Jaccard index of the words of two sentences from which they are near-duplicates, as a fraction.
SHARED, OF = 4, 5
_NUMBER = re.compile(r"\d+")
_SPACE = "\u2581"  # before a word, in SentencePiece's units

Words = frozenset[str]


def near_duplicates(evaluated: Sequence[str], train: Iterable[str]) -> set[int]:
    """Places of the sentences that have a near-duplicate in ``train``.

    Two sentences are near-duplicates if they share four fifths of their words or more. Only
    ``evaluated`` is held in memory. Its sentences are indexed by their rarest words: one that
    shares four fifths of its n words misses at most a fifth of them, so it shares one of any
    n // 5 + 1 words.

    Args:
        evaluated: sentences of subword tokens.
        train: likewise.

    Source:
        The prefix filter of Chaudhuri, Ganti and Kaushik 2006 (ICDE), "A primitive operator for
        similarity joins in data cleaning".
    """
    bags = [words(sentence) for sentence in evaluated]
    counts = Counter(word for bag in bags for word in bag)
    index: defaultdict[str, set[int]] = defaultdict(set)
    prefixes = [
        sorted(bag, key=lambda word: (counts[word], word))[: len(bag) // OF + 1] for bag in bags
    ]
    for place, prefix in enumerate(prefixes):
        for word in prefix:
            index[word].add(place)
    found: set[int] = set()
    for sentence in train:
        bag = words(sentence)
        places = {place for word in bag if word in index for place in index[word]}
        for place in places:
            if are_near(bags[place], bag):
                found.add(place)
                for word in prefixes[place]:  # it need not be found again
                    index[word].discard(place)
    return found


def are_near(one: Words, other: Words) -> bool:
    """True if the Jaccard index of two sets of words is four fifths or more."""
    n_one, n_other = len(one), len(other)
    if SHARED * max(n_one, n_other) > OF * min(n_one, n_other):
        return False
    n_shared = len(one & other)
    return OF * n_shared >= SHARED * (n_one + n_other - n_shared)


def words(tokens: str) -> Words:
    """Words of a sentence of subword tokens, in lower case, without punctuation.

    All numbers count as one word. Where words are not parted, the units are the words.
    """
    text = _NUMBER.sub("0", bpe.join(tokens).lower().replace(_SPACE, " "))
    if "&" in text:  # Moses has escaped a mark
        text = unescape(text)
    found = text.split()
    return frozenset([word for word in found if word.isalnum() or any(map(str.isalnum, word))])
