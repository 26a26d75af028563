"""Preparation of any corpus: tokens, BPE, dictionaries, binarised files, manifest."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from trainable.data import bpe
from trainable.data.binarise import build_dictionary, write_binarised
from trainable.data.corpus import Pairs, ParallelText
from trainable.data.folder import new_folder
from trainable.data.manifest import (
    BPE_CODES,
    SPLITS,
    DictionaryRows,
    Manifest,
    SplitCounts,
    SplitName,
    TokenizerInfo,
    raw_name,
)

log = logging.getLogger(__name__)

_PARTS = ("ve-fairseq", "sacremoses", "subword-nmt", "torch")


def prepare(
    read: Callable[[], ParallelText], out: Path, *, n_merges: int, joined_dictionary: bool = False
) -> Manifest:
    """Prepare a corpus as the new folder ``out``, atomically.

    Args:
        read: returns the corpus; called after a check that ``out`` can be made.
        out: path of the folder, which must be absent or empty.
        n_merges: number of BPE merges, learned jointly on both sides of train.
        joined_dictionary: use one dictionary for both sides, as ``tied = "all"`` requires.

    Raises:
        UserError: the corpus cannot be read, ``out`` is not free, or the disk is full or not
            writable.
    """
    with new_folder(out) as folder:
        corpus = read()
        log.info("corpus=%s n_train=%d", corpus.name, len(corpus.splits["train"].raw))
        manifest = _write(corpus, folder, n_merges=n_merges, joined=joined_dictionary)
    log.info("corpus=%s prepared=%s", corpus.name, out)
    return manifest


def _write(corpus: ParallelText, folder: Path, *, n_merges: int, joined: bool) -> Manifest:
    for split in ("valid", "test"):
        raw = corpus.splits[split].raw
        _write_lines(raw.src, folder / raw_name(split, corpus.src))
        _write_lines(raw.tgt, folder / raw_name(split, corpus.tgt))
    codes = _learn(corpus.splits["train"].tokens, n_merges)
    (folder / BPE_CODES).write_text(codes, encoding="utf-8")
    segmented = {name: _segmented(corpus.splits[name].tokens, codes) for name in SPLITS}
    dictionaries = _dictionaries(segmented["train"], joined=joined)
    for language, dictionary in zip((corpus.src, corpus.tgt), dictionaries, strict=True):
        dictionary.save(str(folder / f"dict.{language}.txt"))
    counts = {
        name: _write_split(name, pairs, corpus, folder, dictionaries)
        for name, pairs in segmented.items()
    }
    src_rows, tgt_rows = (len(dictionary) for dictionary in dictionaries)
    manifest = Manifest(
        corpus=corpus.name,
        src=corpus.src,
        tgt=corpus.tgt,
        seed=corpus.seed,
        sources=corpus.sources,
        counts=counts,
        dictionary=DictionaryRows(src=src_rows, tgt=tgt_rows, joined=joined),
        tokenizer=TokenizerInfo(bpe_merges=bpe.count_merges(codes)),
        licence=corpus.licence,
        versions=part_versions(),
    )
    manifest.save(folder)
    return manifest


def _learn(train: Pairs, n_merges: int) -> str:
    log.info("bpe_merges=%d learning", n_merges)
    return bpe.learn((*train.src, *train.tgt), n_merges=n_merges)


def _segmented(pairs: Pairs, codes: str) -> Pairs:
    segment = bpe.segmenter(codes).segment
    return Pairs(
        src=[segment(line) for line in pairs.src], tgt=[segment(line) for line in pairs.tgt]
    )


def _dictionaries(train: Pairs, *, joined: bool) -> tuple[Any, Any]:
    if joined:
        both = build_dictionary((*train.src, *train.tgt))
        return both, both
    return build_dictionary(train.src), build_dictionary(train.tgt)


def _write_split(
    name: SplitName, pairs: Pairs, corpus: ParallelText, folder: Path, dictionaries: tuple[Any, Any]
) -> SplitCounts:
    prefix = f"{name}.{corpus.src}-{corpus.tgt}"
    src, tgt = dictionaries
    return SplitCounts(
        n_sentences=len(pairs),
        n_tokens_src=write_binarised(pairs.src, src, folder / f"{prefix}.{corpus.src}"),
        n_tokens_tgt=write_binarised(pairs.tgt, tgt, folder / f"{prefix}.{corpus.tgt}"),
    )


def _write_lines(lines: Sequence[str], path: Path) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def part_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide what a folder holds."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in _PARTS}
