"""Preparation of pairs of texts for ``data``, and what it says of the folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from trainable.data.tokenisation import Tokenisation

if TYPE_CHECKING:
    from trainable.data.corpus import ParallelText


def prepare_pairs(
    read: Callable[[], ParallelText],
    out: Path,
    n_merges: int,
    joined_dictionary: bool,
    choices: Tokenisation,
) -> None:
    """Prepare pairs as the new folder ``out``, and print what is in it."""
    from search.study.console import say_fact
    from trainable.data.prepare import prepare

    manifest = prepare(
        read, out, n_merges=n_merges, joined_dictionary=joined_dictionary, tokenisation=choices
    )
    sizes = " / ".join(f"{split.n_sentences:,}" for split in manifest.counts.values())
    rows = manifest.dictionary
    say_fact(f"{out}: {manifest.corpus}, {manifest.src} to {manifest.tgt}")
    say_fact(f"pairs: {sizes} (train / valid / test)")
    for line in () if manifest.losses is None else manifest.losses.lines():
        say_fact(line)
    say_fact(f"dictionaries: {rows.src:,} and {rows.tgt:,} rows{' (joined)' * rows.joined}")
    say_fact(f"tokens: {manifest.tokenizer}; Unicode's form NFC")
    if manifest.metric is not None:
        say_fact(f"metric: {manifest.metric.name} ({manifest.metric.signature})")
    say_fact(f"references after tokenising and back: {manifest.roundtrip_bleu} BLEU")
    if manifest.unknown_units is not None and manifest.unknown_units.n_references:
        say_fact(f"the same through the dictionary: {manifest.unknown_units}")
    say_fact(f"licence: {manifest.licence}")
