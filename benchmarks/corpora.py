"""The data of the benchmarks: made here, without a network, and kept under build/."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import ROOT, SEED
from trainable.data.corpus import Pairs, ParallelText, Split
from trainable.data.grammar.corpus import grammar
from trainable.data.manifest import Manifest, SplitName
from trainable.data.merges import BPE_MERGES
from trainable.data.prepare import prepare

CACHE = ROOT / "build" / "benchmarks"

# Multi30k after 6,000 merges: 4,536 and 3,480 words, 15.7 and 15.3 tokens a sentence, end of
# sentence included; standard deviation 5 of the lengths, 3 of their difference in a pair.
N_WORDS = 4000
MEAN_LENGTH, DEVIATION, DIFFERENCE, SHORTEST, LONGEST = 14.5, 5.0, 2.6, 3, 40


def grammar_data() -> Path:
    """The embedded corpus, as ``reservoir-search data grammar`` prepares it."""
    return _prepared("grammar", grammar, n_merges=BPE_MERGES["grammar"])


def made_up_data() -> Path:
    """Sentences of made-up words with Multi30k's sizes: nothing to learn, as much to compute.

    The embedded grammar has a tenth of a real corpus's words, so that the output
    projection, a third of a small model's work, would hardly show.
    """
    return _prepared("made-up", _made_up, n_merges=N_WORDS)


def described(data: Path) -> str:
    """Description of prepared data for a table's caption."""
    manifest = Manifest.load(data)
    rows = manifest.dictionary
    return f"{manifest.corpus}, dictionaries of {rows.src:,} and {rows.tgt:,} words"


def _prepared(name: str, read: Callable[[], ParallelText], *, n_merges: int) -> Path:
    folder = CACHE / name
    if not folder.exists():
        prepare(read, folder, n_merges=n_merges)
    return folder


def _made_up() -> ParallelText:
    rng = random.Random(SEED)
    # Two letters each, so that one merge makes a word one token.
    letters = [chr(ord("一") + number) for number in range(64)]
    words = [a + b for a, b in itertools.product(letters, letters)][:N_WORDS]
    weights = list(itertools.accumulate(1 / (rank + 5) for rank in range(N_WORDS)))  # Zipf's law
    n_pairs: dict[SplitName, int] = {"train": 8000, "valid": 500, "test": 500}

    def sentence(length: float) -> str:
        n_words = min(LONGEST, max(SHORTEST, round(length)))
        return " ".join(rng.choices(words, cum_weights=weights, k=n_words))

    splits: dict[SplitName, Split] = {}
    for name, n in n_pairs.items():
        lengths = [rng.gauss(MEAN_LENGTH, DEVIATION) for _ in range(n)]
        pairs = Pairs(
            src=[sentence(length) for length in lengths],
            tgt=[sentence(rng.gauss(length, DIFFERENCE)) for length in lengths],
        )
        splits[name] = Split(raw=pairs, tokens=pairs)
    return ParallelText(
        name="made-up",
        src="de",
        tgt="en",
        splits=splits,
        licence="MIT, as its generator",
        seed=SEED,
    )
