"""What the frequencies of words alone save, of prepared sentences."""

from __future__ import annotations

import math
from pathlib import Path

from trainable.data.manifest import Manifest


def unigram_bits_saved(folder: Path) -> float:
    """Bits saved of a token by a model of the training part's frequencies, and of nothing else.

    Beginnings and ends of sentences count as tokens. 0 where the dictionary in ``folder`` has the
    counts of other data, or cannot be read.

    Raises:
        UserError: the folder has no manifest.
    """
    manifest = Manifest.load(folder)
    train = manifest.counts["train"]
    try:
        counts = _word_counts(folder / "dict.txt")
    except (OSError, ValueError, IndexError):
        return 0.0
    if sum(counts) + train.n_sentences != train.n_tokens_src:
        return 0.0
    counts += [train.n_sentences] * 2
    total = sum(counts)
    entropy = -sum(n / total * math.log2(n / total) for n in counts if n)
    n_entries = manifest.dictionary.src + 1  # and the mask
    return math.log2(n_entries) - entropy


def _word_counts(file: Path) -> list[int]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [int(line.split(" ")[1]) for line in lines]
