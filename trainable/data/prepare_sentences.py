"""Preparation of sentences in one language: tokens, BPE, dictionary, binarised files, manifest.

The files are those that fairseq's tasks `sentence_prediction` and `masked_lm` read.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from spaces.errors import UserError
from trainable.data.binarise import build_dictionary, load_dictionary, write_binarised
from trainable.data.corpus import Pairs
from trainable.data.evaluation_sets import (
    EVALUATION_SETS,
    EvaluationName,
    n_repeated,
    overlap_with_train,
)
from trainable.data.folder import new_folder
from trainable.data.losses import Losses
from trainable.data.manifest import (
    INPUT,
    LABEL,
    SPLITS,
    DictionaryRows,
    Manifest,
    SplitCounts,
    TokenizerInfo,
)
from trainable.data.moses import with_own_rules
from trainable.data.own_files import require_own_files
from trainable.data.prepare import DEFAULT, part_versions
from trainable.data.segmentation import Segmentation, make_segmentation, pieces_of
from trainable.data.sentences import Sentences, with_tokens
from trainable.data.tokenisation import Tokenisation
from trainable.data.tokenizer import moses_of

log = logging.getLogger(__name__)

N_SPECIAL = 4  # words that every dictionary of fairseq's begins with


def prepare_sentences(
    read: Callable[[], Sentences],
    out: Path,
    *,
    task: str,
    n_merges: int,
    vocabulary: Path | None = None,
    tokenisation: Tokenisation = DEFAULT,
) -> Manifest:
    """Prepare sentences as the new folder ``out``, atomically.

    Args:
        read: returns the corpus; called after a check that ``out`` can be made.
        out: path of the folder, which must be absent or empty.
        task: name of the task that trains on them.
        n_merges: number of BPE merges, or pieces of SentencePiece, learned on train.
        vocabulary: prepared folder or export whose tokenizer and dictionary are used instead.
        tokenisation: choices of tokens and case; those of the metric are not used.

    Raises:
        UserError: the corpus cannot be read, ``out`` is not free, or the disk is full or not
            writable.
    """
    with new_folder(out) as folder:
        corpus = read()
        log.info("corpus=%s n_train=%d", corpus.name, len(corpus.splits["train"].raw))
        if vocabulary is None:
            segmentation = make_segmentation(corpus, tokenisation, n_merges=n_merges)
            manifest = _write(corpus, folder, task=task, segmentation=segmentation)
        else:
            segmentation, words = _known_words(vocabulary, corpus)
            known = _by_rules_of(segmentation.info, corpus)
            manifest = _write(known, folder, task=task, segmentation=segmentation, dictionary=words)
    log.info("corpus=%s prepared=%s", corpus.name, out)
    return manifest


def _known_words(vocabulary: Path, corpus: Sentences) -> tuple[Segmentation, Any]:
    """Tokenizer and dictionary of a prepared folder or an export.

    Raises:
        UserError: it is none for one language, or for another.
    """
    manifest = Manifest.load(vocabulary)
    if manifest.tgt is not None or manifest.src != corpus.language:
        raise UserError(
            f"--vocabulary {vocabulary}: is of {manifest.subject}; give one of "
            f"{corpus.language} alone"
        )
    info = manifest.tokenizer
    dictionary = f"{INPUT}/dict.txt" if manifest.labels else "dict.txt"
    require_own_files(vocabulary, [*info.files, dictionary])
    try:
        content = b"".join((vocabulary / name).read_bytes() for name in info.files)
        segmentation = Segmentation(
            info=info,
            pieces=pieces_of(info, content),
            content=content,
            src=corpus.language,
            tgt=corpus.language,
            is_done=False,
        )
        return segmentation, load_dictionary(vocabulary / dictionary)
    except (OSError, ValueError) as error:
        raise UserError(f"--vocabulary {vocabulary}: cannot be read ({error})") from error


def _by_rules_of(info: TokenizerInfo, corpus: Sentences) -> Sentences:
    """``corpus`` in words by the rules of a vocabulary, which can be those of earlier versions."""
    if info.kind != "moses" or info.own_rules == with_own_rules(corpus.language):
        return corpus
    moses = moses_of(info, corpus.language)
    splits = {name: with_tokens(split, moses) for name, split in corpus.splits.items()}
    return replace(corpus, splits=splits)


def _write(
    corpus: Sentences,
    folder: Path,
    *,
    task: str,
    segmentation: Segmentation,
    dictionary: Any = None,
) -> Manifest:
    segmentation.save(folder)
    place = folder / INPUT if corpus.has_labels else folder
    place.mkdir(exist_ok=True)
    lines = {name: segmentation.sources(corpus.splits[name]) for name in SPLITS}
    dictionary = dictionary or build_dictionary(lines["train"])
    dictionary.save(str(place / "dict.txt"))
    counts = {
        name: SplitCounts(
            n_sentences=len(lines[name]),
            n_tokens_src=write_binarised(lines[name], dictionary, place / name),
        )
        for name in SPLITS
    }
    labelled = {name: Pairs(src=lines[name], tgt=corpus.splits[name].raw.tgt) for name in SPLITS}
    manifest = Manifest(
        task=task,
        corpus=corpus.name,
        src=corpus.language,
        labels=_write_labels(corpus, folder / LABEL) if corpus.has_labels else None,
        majority_share=_majority_share(corpus) if corpus.has_labels else None,
        seed=corpus.seed,
        sources=corpus.sources,
        counts=counts,
        dictionary=DictionaryRows(src=len(dictionary)),
        losses=Losses(
            dropped={name: corpus.splits[name].dropped for name in SPLITS},
            overlap=overlap_with_train(labelled),
            repeated=n_repeated(labelled["train"]),
            unseen_labels=_unseen_labels(corpus) if corpus.has_labels else None,
        ),
        tokenizer=segmentation.info,
        licence=corpus.licence,
        versions=part_versions(),
    )
    manifest.save(folder)
    return manifest


def _write_labels(corpus: Sentences, place: Path) -> tuple[str, ...]:
    """Write the labels of all sentences; return them in the order of their numbers."""
    place.mkdir()
    dictionary = _label_dictionary(corpus)
    dictionary.save(str(place / "dict.txt"))
    for name in SPLITS:
        write_binarised(corpus.splits[name].raw.tgt, dictionary, place / name)
    return tuple(dictionary.symbols[N_SPECIAL:])


def _majority_share(corpus: Sentences) -> float:
    labels = corpus.splits["valid"].raw.tgt
    return 100 * max(Counter(labels).values()) / len(labels)


def _unseen_labels(corpus: Sentences) -> dict[EvaluationName, int]:
    """Number of sentences of each evaluation set whose label train has not.

    Rare labels can all be held out, and sentences of train can be left out as too long.
    """
    known = set(corpus.splits["train"].raw.tgt)
    return {
        name: sum(label not in known for label in corpus.splits[name].raw.tgt)
        for name in EVALUATION_SETS
    }


def _label_dictionary(corpus: Sentences) -> Any:
    from fairseq.data import Dictionary

    dictionary = Dictionary()
    for label in sorted({label for name in SPLITS for label in corpus.splits[name].raw.tgt}):
        dictionary.add_symbol(label)
    return dictionary
