"""Preparation of any corpus: tokens, BPE, dictionaries, binarised files, manifest."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

from trainable.characters import lowered
from trainable.data.binarise import build_dictionary, load_dictionary, write_binarised
from trainable.data.corpus import Pairs, ParallelText
from trainable.data.documents import cut_documents, lengths_of
from trainable.data.evaluation_sets import n_repeated, overlap_with_train, require_short_sentences
from trainable.data.folder import new_folder
from trainable.data.losses import Losses
from trainable.data.manifest import (
    SPLITS,
    DictionaryRows,
    Manifest,
    MetricInfo,
    SplitCounts,
    SplitName,
    UnknownUnits,
    raw_name,
)
from trainable.data.mismatched import score_of_others
from trainable.data.roundtrip import TOLD_BELOW, RoundTrip, round_trip, with_unknown
from trainable.data.segmentation import Segmentation, make_segmentation
from trainable.data.stored_lines import StoredLines
from trainable.data.tokenisation import Tokenisation
from trainable.metrics.bleu import Bleu
from trainable.metrics.by_language import bleu_tokenizer, metric_by_name
from trainable.metrics.metric import Metric
from trainable.metrics.names import DataMetric

log = logging.getLogger(__name__)

DEFAULT = Tokenisation()
_PARTS = ("ve-fairseq", "sacrebleu", "sacremoses", "sentencepiece", "subword-nmt", "torch")


def prepare(
    read: Callable[[], ParallelText],
    out: Path,
    *,
    n_merges: int,
    joined_dictionary: bool = False,
    tokenisation: Tokenisation = DEFAULT,
) -> Manifest:
    """Prepare a corpus as the new folder ``out``, atomically.

    Args:
        read: returns the corpus; called after a check that ``out`` can be made.
        out: path of the folder, which must be absent or empty.
        n_merges: number of BPE merges, or pieces of SentencePiece, learned jointly on both
            sides of train.
        joined_dictionary: use one dictionary for both sides, as ``tied = "all"`` requires.
        tokenisation: choices of tokens, case and metric.

    Raises:
        UserError: the corpus cannot be read, its text does not come back from its tokens,
            a sentence of valid or test is too long to evaluate, ``out`` is not free, or the
            disk is full or not writable.
    """
    with new_folder(out) as folder:
        corpus = read()
        log.info("corpus=%s n_train=%d", corpus.name, len(corpus.splits["train"].raw))
        manifest = _write(corpus, folder, tokenisation, n_merges=n_merges, joined=joined_dictionary)
    log.info("corpus=%s prepared=%s", corpus.name, out)
    return manifest


def _write(
    corpus: ParallelText,
    folder: Path,
    tokenisation: Tokenisation,
    *,
    n_merges: int,
    joined: bool,
) -> Manifest:
    tokenisation = _of_given_units(corpus, tokenisation)
    name, metric = _metric(corpus, tokenisation)
    tokenizer = tokenisation.bleu_tokenizer or bleu_tokenizer(corpus.tgt)
    _write_raw(corpus, folder)
    if corpus.dictionaries is not None:
        joined = corpus.dictionaries[0] == corpus.dictionaries[1]
    segmentation = make_segmentation(corpus, tokenisation, n_merges=n_merges)
    segmentation.save(folder)
    stored = partial(StoredLines, folder)
    whole = {name: segmentation.segmented(corpus.splits[name], stored) for name in SPLITS}
    segmented, cut = cut_documents(whole, corpus.summaries)
    require_short_sentences(corpus, segmented)
    trip = _round_trip(corpus, segmentation, segmented, tokenizer)
    trip.require(lossy=tokenisation.lossy)
    dictionaries = _write_dictionaries(corpus, folder, segmented["train"], joined=joined)
    counts = {
        name: _write_split(name, pairs, corpus, folder, dictionaries)
        for name, pairs in segmented.items()
    }
    src_rows, tgt_rows = (len(dictionary) for dictionary in dictionaries)
    manifest = Manifest(
        task="translation" if corpus.summaries is None else "summarisation",
        corpus=corpus.name,
        src=corpus.src,
        tgt=corpus.tgt,
        seed=corpus.seed,
        sources=corpus.sources,
        counts=counts,
        dictionary=DictionaryRows(src=src_rows, tgt=tgt_rows, joined=joined),
        tokenizer=segmentation.info,
        lengths=lengths_of(segmented["train"], corpus.summaries),
        metric=MetricInfo(
            name=name,
            bleu_tokenizer=metric.tokenizer if isinstance(metric, Bleu) else None,
            signature=metric.signature,
        ),
        mismatched_score=score_of_others(corpus.splits["valid"].raw.tgt, metric),
        roundtrip_bleu=round(trip.bleu, 2),
        unknown_units=_unknown_units(corpus, segmentation, segmented, dictionaries[1], tokenizer),
        losses=Losses(
            dropped={name: corpus.splits[name].dropped for name in SPLITS},
            overlap=overlap_with_train(segmented),
            cut=cut,
            repeated=n_repeated(segmented["train"]),
        ),
        licence=corpus.licence,
        versions=part_versions(),
    )
    manifest.save(folder)
    return manifest


def _of_given_units(corpus: ParallelText, tokenisation: Tokenisation) -> Tokenisation:
    """Choices for a text in given units, which stay as they are: cased if one has a capital."""
    if corpus.form not in ("segmented", "pieces") or tokenisation.cased:
        return tokenisation
    tokens = corpus.splits["train"].tokens
    for lines, language in ((tokens.src, corpus.src), (tokens.tgt, corpus.tgt)):
        if any(lowered(line, language) != line for line in lines):
            log.warning("the given units have capitals: the model is cased")
            return replace(tokenisation, cased=True)
    return tokenisation


def _metric(corpus: ParallelText, tokenisation: Tokenisation) -> tuple[DataMetric, Metric]:
    name: DataMetric = tokenisation.metric if corpus.summaries is None else "ROUGE-L"
    metric = metric_by_name(
        name,
        language=corpus.tgt,
        tokenizer=tokenisation.bleu_tokenizer,
        cased=tokenisation.cased,
    )
    return name, metric


def _round_trip(
    corpus: ParallelText,
    segmentation: Segmentation,
    segmented: Mapping[SplitName, Pairs],
    tokenizer: str,
) -> RoundTrip:
    """Round trip of the references of valid and test; the log tells what is lost."""
    outputs = [segmentation.target().decode(line) for line in _evaluated(segmented)]
    trip = round_trip(outputs, _references(corpus, segmentation), tokenizer=tokenizer)
    if trip.bleu < TOLD_BELOW:
        log.warning("the references, tokenised and back, score %s", trip)
    return trip


def _unknown_units(
    corpus: ParallelText,
    segmentation: Segmentation,
    segmented: Mapping[SplitName, Pairs],
    dictionary: Any,
    tokenizer: str,
) -> UnknownUnits:
    """Round trip of the same references through the target's dictionary."""
    lines = _evaluated(segmented)
    written = with_unknown(lines, dictionary.indices, mark=dictionary.unk_word)
    outputs = [segmentation.target().decode(line) for line in written]
    trip = round_trip(outputs, _references(corpus, segmentation), tokenizer=tokenizer)
    n_unknown = sum(dictionary.unk_word in line.split() for line in written)
    return UnknownUnits(n_references=n_unknown, of=len(lines), roundtrip_bleu=round(trip.bleu, 2))


def _references(corpus: ParallelText, segmentation: Segmentation) -> list[str]:
    """Raw references of valid and test, in the case of the data."""
    cased = segmentation.target().cased
    return [cased(line) for name in ("valid", "test") for line in corpus.splits[name].raw.tgt]


def _evaluated(segmented: Mapping[SplitName, Pairs]) -> list[str]:
    """References of valid and test in subword units."""
    return [line for name in ("valid", "test") for line in segmented[name].tgt]


def _write_dictionaries(
    corpus: ParallelText, folder: Path, train: Pairs, *, joined: bool
) -> tuple[Any, Any]:
    """Dictionaries of both sides, made of train unless they were given."""
    paths = [folder / f"dict.{language}.txt" for language in (corpus.src, corpus.tgt)]
    if corpus.dictionaries is not None:
        for path, content in zip(paths, corpus.dictionaries, strict=True):
            path.write_bytes(content)
        src, tgt = (load_dictionary(path) for path in paths)
        return src, tgt
    dictionaries = _dictionaries(train, joined=joined)
    for path, dictionary in zip(paths, dictionaries, strict=True):
        dictionary.save(str(path))
    return dictionaries


def _dictionaries(train: Pairs, *, joined: bool) -> tuple[Any, Any]:
    if joined:
        both = build_dictionary(chain(train.src, train.tgt))
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


def _write_raw(corpus: ParallelText, folder: Path) -> None:
    """Write the raw sentences of valid and test."""
    for split in ("valid", "test"):
        raw = corpus.splits[split].raw
        _write_lines(raw.src, folder / raw_name(split, corpus.src))
        _write_lines(raw.tgt, folder / raw_name(split, corpus.tgt))


def _write_lines(lines: Sequence[str], path: Path) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def part_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide what a folder holds."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in _PARTS}
