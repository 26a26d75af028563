"""Preparation of sentences in one language: tokens, BPE, dictionary, binarised files, manifest.

The files are those that fairseq's tasks `sentence_prediction` and `masked_lm` read.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spaces.errors import UserError
from trainable.data import bpe
from trainable.data.binarise import build_dictionary, write_binarised
from trainable.data.corpus import Pairs
from trainable.data.evaluation_sets import overlap_with_train
from trainable.data.folder import new_folder
from trainable.data.losses import Losses
from trainable.data.manifest import (
    BPE_CODES,
    INPUT,
    LABEL,
    SPLITS,
    DictionaryRows,
    Manifest,
    SplitCounts,
    TokenizerInfo,
)
from trainable.data.own_files import require_own_files
from trainable.data.prepare import part_versions
from trainable.data.sentences import Sentences

log = logging.getLogger(__name__)

N_SPECIAL = 4  # words that every dictionary of fairseq's begins with


def prepare_sentences(
    read: Callable[[], Sentences],
    out: Path,
    *,
    task: str,
    n_merges: int,
    vocabulary: Path | None = None,
) -> Manifest:
    """Prepare sentences as the new folder ``out``, atomically.

    Args:
        read: returns the corpus; called after a check that ``out`` can be made.
        out: path of the folder, which must be absent or empty.
        task: name of the task that trains on them.
        n_merges: number of BPE merges, learned on train.
        vocabulary: prepared folder or export whose merges and dictionary are used instead.

    Raises:
        UserError: the corpus cannot be read, ``out`` is not free, or the disk is full or not
            writable.
    """
    with new_folder(out) as folder:
        corpus = read()
        log.info("corpus=%s n_train=%d", corpus.name, len(corpus.splits["train"].raw))
        if vocabulary is None:
            codes = bpe.learn(corpus.splits["train"].tokens.src, n_merges=n_merges)
            manifest = _write(corpus, folder, task=task, codes=codes)
        else:
            codes, dictionary = _known_words(vocabulary, corpus)
            manifest = _write(corpus, folder, task=task, codes=codes, dictionary=dictionary)
    log.info("corpus=%s prepared=%s", corpus.name, out)
    return manifest


def _known_words(vocabulary: Path, corpus: Sentences) -> tuple[str, Any]:
    """BPE codes and dictionary of a prepared folder or an export.

    Raises:
        UserError: it is none for one language, or for another.
    """
    from fairseq.data import Dictionary

    manifest = Manifest.load(vocabulary)
    if manifest.tgt is not None or manifest.src != corpus.language:
        raise UserError(
            f"--vocabulary {vocabulary}: is of {manifest.subject}; give one of "
            f"{corpus.language} alone"
        )
    dictionary = f"{INPUT}/dict.txt" if manifest.labels else "dict.txt"
    require_own_files(vocabulary, [BPE_CODES, dictionary])
    try:
        codes = (vocabulary / BPE_CODES).read_text(encoding="utf-8")
        bpe.segmenter(codes)
        return codes, Dictionary.load(str(vocabulary / dictionary))
    except Exception as error:  # fairseq raises Exception itself
        reason = str(error).split("\n")[0]
        raise UserError(f"--vocabulary {vocabulary}: cannot be read ({reason})") from error


def _write(
    corpus: Sentences, folder: Path, *, task: str, codes: str, dictionary: Any = None
) -> Manifest:
    (folder / BPE_CODES).write_text(codes, encoding="utf-8")
    place = folder / INPUT if corpus.has_labels else folder
    place.mkdir(exist_ok=True)
    segment = bpe.segmenter(codes).segment
    lines = {
        name: [segment(tokens) for tokens in corpus.splits[name].tokens.src] for name in SPLITS
    }
    dictionary = dictionary or build_dictionary(lines["train"])
    dictionary.save(str(place / "dict.txt"))
    counts = {
        name: SplitCounts(
            n_sentences=len(lines[name]),
            n_tokens_src=write_binarised(lines[name], dictionary, place / name),
        )
        for name in SPLITS
    }
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
            overlap=overlap_with_train(
                {name: Pairs(src=lines[name], tgt=corpus.splits[name].raw.tgt) for name in SPLITS}
            ),
        ),
        tokenizer=TokenizerInfo(bpe_merges=bpe.count_merges(codes)),
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


def _label_dictionary(corpus: Sentences) -> Any:
    from fairseq.data import Dictionary

    dictionary = Dictionary()
    for label in sorted({label for name in SPLITS for label in corpus.splits[name].raw.tgt}):
        dictionary.add_symbol(label)
    return dictionary
