"""The data of the benchmarks: made here, without a network, and kept under build/."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.machine import ROOT, SEED
from benchmarks.models import Size
from trainable.data.corpus import Pairs, ParallelText, Split
from trainable.data.grammar.corpus import grammar
from trainable.data.manifest import Manifest, SplitName
from trainable.data.merges import BPE_MERGES
from trainable.data.prepare import prepare
from trainable.data.tokenisation import Tokenisation

CACHE = ROOT / "build" / "benchmarks"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUp:
    """Sizes of a corpus of made-up words; lengths are in words."""

    name: str
    n_words: int
    n_train: int  # pairs
    mean_length: float
    deviation: float  # standard deviation of the lengths
    difference: float  # that of the difference between the sides of a pair
    longest: int


# Multi30k after 6,000 merges: 4,536 and 3,480 words, 15.7 and 15.3 tokens a sentence, end of
# sentence included; standard deviation 5 of the lengths, 3 of their difference in a pair.
LIKE_MULTI30K = MadeUp(
    name="made-up",
    n_words=4000,
    n_train=8000,
    mean_length=14.5,
    deviation=5.0,
    difference=2.6,
    longest=40,
)
# IWSLT'14: 8,848 and 6,632 words, 25.2 and 24.6 tokens a sentence. Its epoch, a quarter of the
# real one's, outlasts the readings of the clock on a GPU.
LIKE_IWSLT14 = MadeUp(
    name="made-up-iwslt14",
    n_words=8000,
    n_train=40_000,
    mean_length=24.0,
    deviation=14.0,
    difference=4.0,
    longest=100,
)
SHORTEST = 3


def grammar_data() -> Path:
    """The embedded corpus, as ``reservoir-search data grammar`` prepares it."""
    return _prepared("grammar", grammar, n_merges=BPE_MERGES["grammar"])


def made_up_data(sizes: MadeUp = LIKE_MULTI30K) -> Path:
    """Sentences of made-up words with a corpus's sizes: nothing to learn, as much to compute.

    The embedded grammar has a tenth of a real corpus's words, so that the output
    projection, a third of a small model's work, would hardly show.
    """
    return _prepared(sizes.name, partial(_made_up, sizes), n_merges=sizes.n_words)


def data_for(size: Size) -> Path:
    """Made-up data for models of ``size``: on a GPU of IWSLT'14's sizes, as the paper's."""
    return made_up_data(LIKE_IWSLT14 if size.gpus else LIKE_MULTI30K)


def described(data: Path) -> str:
    """Description of prepared data for a table's caption."""
    manifest = Manifest.load(data)
    rows = manifest.dictionary
    return f"{manifest.corpus}, dictionaries of {rows.src:,} and {rows.tgt:,} words"


def _prepared(name: str, read: Callable[[], ParallelText], *, n_merges: int) -> Path:
    folder = CACHE / name
    if not folder.exists():
        # Made-up words are joined at their Han letters: what comes back is of no concern.
        prepare(read, folder, n_merges=n_merges, tokenisation=Tokenisation(lossy=True))
    return folder


def _made_up(sizes: MadeUp) -> ParallelText:
    rng = random.Random(SEED)
    # Two letters each, so that one merge makes a word one token.
    letters = [chr(ord("一") + number) for number in range(math.isqrt(sizes.n_words - 1) + 1)]
    words = [a + b for a, b in itertools.product(letters, letters)][: sizes.n_words]
    ranks = range(sizes.n_words)
    weights = list(itertools.accumulate(1 / (rank + 5) for rank in ranks))  # Zipf's law
    n_pairs: dict[SplitName, int] = {"train": sizes.n_train, "valid": 500, "test": 500}

    def sentence(length: float) -> str:
        n_words = min(sizes.longest, max(SHORTEST, round(length)))
        return " ".join(rng.choices(words, cum_weights=weights, k=n_words))

    splits: dict[SplitName, Split] = {}
    for name, n in n_pairs.items():
        lengths = [rng.gauss(sizes.mean_length, sizes.deviation) for _ in range(n)]
        pairs = Pairs(
            src=[sentence(length) for length in lengths],
            tgt=[sentence(rng.gauss(length, sizes.difference)) for length in lengths],
        )
        splits[name] = Split(raw=pairs, tokens=pairs)
    return ParallelText(
        name=sizes.name,
        src="de",
        tgt="en",
        splits=splits,
        licence="MIT, as its generator",
        seed=SEED,
    )
