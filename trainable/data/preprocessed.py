"""Data that fairseq-preprocess has binarised: their tokens and dictionaries, kept as they are."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from spaces.errors import UserError
from trainable.characters import lowered
from trainable.data.binarise import load_dictionary
from trainable.data.blobs import file_source
from trainable.data.corpus import Pairs, ParallelText, Split
from trainable.data.hyphens import mark_in
from trainable.data.manifest import LANGUAGE, SPLITS, Source, SplitName
from trainable.data.moses import Moses
from trainable.data.pieces import given_pieces
from trainable.data.stored_lines import StoredLines, collected
from trainable.data.tokenisation import RemoveBpe

_TRAIN = re.compile(r"train\.([^.-]+(?:-[^.-]+)?)-([^.-]+(?:-[^.-]+)?)\.\1\.idx")
_UNIT_OF_SENTENCEPIECE = "\u2581"
_N_SPECIAL = 4  # words that every dictionary of fairseq's begins with


def preprocessed(
    folder: Path, *, remove_bpe: RemoveBpe | None, scratch: Path | None = None
) -> ParallelText:
    """Corpus of a folder with ``dict.LANGUAGE.txt`` and the binarised train, valid and test.

    The raw sentences of valid and test are made from their tokens.

    Args:
        folder: the ``--destdir`` of fairseq-preprocess.
        remove_bpe: how units become words; by the dictionary of the target if None.
        scratch: folder of temporary files with the tokens; None: the system's.

    Raises:
        UserError: files are missing, cannot be read, or do not fit each other.
    """
    src, tgt = _languages(folder)
    dictionaries = _dictionaries(folder, src, tgt)
    is_sentencepiece = (remove_bpe or _way_of(dictionaries[1])) == "sentencepiece"
    stored = partial(StoredLines, scratch)
    splits: dict[SplitName, Split] = {}
    for name in SPLITS:
        prefix = f"{name}.{src}-{tgt}"
        tokens = _pairs(
            *(
                collected(_sentences(folder / f"{prefix}.{language}", dictionary), stored)
                for language, dictionary in zip((src, tgt), dictionaries, strict=True)
            ),
            place=folder / prefix,
        )
        # Nothing reads the raw sentences of train.
        raw = tokens if name == "train" else _joined(tokens, src, tgt, is_sentencepiece)
        splits[name] = Split(raw=raw, tokens=tokens)
    return ParallelText(
        name="fairseq",
        src=src,
        tgt=tgt,
        splits=splits,
        form="pieces" if is_sentencepiece else "segmented",
        dictionaries=(_content(folder, src), _content(folder, tgt)),
        licence="the user's own text; its licence is not known here",
        sources=_sources(folder, src, tgt),
    )


def is_cased(folder: Path) -> bool:
    """True if a dictionary of the folder has a word with a capital.

    Raises:
        UserError: it has no dictionaries.
    """
    src, tgt = _languages(folder)
    return any(
        lowered(word, language) != word
        for language, dictionary in zip((src, tgt), _dictionaries(folder, src, tgt), strict=True)
        for word in dictionary.symbols[_N_SPECIAL:]
    )


def _languages(folder: Path) -> tuple[str, str]:
    """Languages of the folder's files.

    Raises:
        UserError: it has files of no pair of languages, or of several.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: is no folder; give the --destdir of fairseq-preprocess")
    found = [match for path in folder.iterdir() if (match := _TRAIN.fullmatch(path.name))]
    if len(found) != 1:
        raise UserError(
            f"{folder}: holds {'no' if not found else 'several'} train.SRC-TGT.SRC.idx; give the "
            "--destdir of fairseq-preprocess, with both sides of one pair of languages"
        )
    src, tgt = found[0].groups()
    for language in (src, tgt):
        if not re.fullmatch(LANGUAGE, language):
            raise UserError(f"{folder}: {language} is no language code; name the files by one")
    return src, tgt


def _dictionaries(folder: Path, src: str, tgt: str) -> tuple[Any, Any]:
    paths = (folder / f"dict.{language}.txt" for language in (src, tgt))
    src_words, tgt_words = (_dictionary(path) for path in paths)
    return src_words, tgt_words


def _dictionary(path: Path) -> Any:
    try:
        dictionary = load_dictionary(path)
    except ValueError as error:
        raise UserError(
            f"{path}: cannot be read as a dictionary ({error}); run fairseq-preprocess again"
        ) from error
    for word in dictionary.symbols:
        if word.split() != [word]:
            raise UserError(f"{path}: word {word!r} holds a space; run fairseq-preprocess again")
    return dictionary


def _way_of(dictionary: Any) -> RemoveBpe:
    """Way in which the units of ``dictionary`` become words: SentencePiece's hold their spaces."""
    words = dictionary.symbols[_N_SPECIAL:]
    has_spaces = any(word.startswith(_UNIT_OF_SENTENCEPIECE) for word in words)
    return "sentencepiece" if has_spaces else "subword_nmt"


def _sentences(prefix: Path, dictionary: Any) -> Iterator[str]:
    """Tokens of each sentence, as fairseq reads them.

    Raises:
        UserError: there is no such file, it is damaged, or of another dictionary.
    """
    from fairseq.data import data_utils

    try:
        dataset = data_utils.load_indexed_dataset(str(prefix), dictionary)
        if dataset is None:
            raise UserError(f"{prefix}.idx: is missing; data need train, valid and test")
        for index in range(len(dataset)):
            numbers = dataset[index].tolist()
            if not numbers or numbers[-1] != dictionary.eos() or max(numbers) >= len(dictionary):
                raise UserError(
                    f"{prefix}.bin: sentence {index + 1} has no end, or a word that its dictionary "
                    "has not; run fairseq-preprocess again"
                )
            yield " ".join(dictionary.symbols[number] for number in numbers[:-1])
    except (OSError, ValueError, AssertionError, struct.error) as error:
        raise UserError(
            f"{prefix}.bin: cannot be read ({error}); run fairseq-preprocess again"
        ) from error


def _pairs(src: Sequence[str], tgt: Sequence[str], *, place: Path) -> Pairs:
    if len(src) != len(tgt):
        raise UserError(
            f"{place}: {len(src)} sentences have {len(tgt)} translations; run fairseq-preprocess "
            "again"
        )
    return Pairs(src=src, tgt=tgt)


def _joined(tokens: Pairs, src: str, tgt: str, is_sentencepiece: bool) -> Pairs:
    """Sentences in normal spelling."""
    join = given_pieces(sentencepiece=is_sentencepiece).join
    sides = []
    for lines, language in ((tokens.src, src), (tokens.tgt, tgt)):
        spelt = str if is_sentencepiece else Moses(language, hyphen_mark=mark_in(lines)).detokenise
        sides.append([spelt(join(line)) for line in lines])
    return Pairs(src=sides[0], tgt=sides[1])


def _content(folder: Path, language: str) -> bytes:
    return (folder / f"dict.{language}.txt").read_bytes()


def _sources(folder: Path, src: str, tgt: str) -> tuple[Source, ...]:
    names = [
        *(f"dict.{language}.txt" for language in (src, tgt)),
        *(f"{split}.{src}-{tgt}.{language}.bin" for split in SPLITS for language in (src, tgt)),
    ]
    return tuple(file_source(folder / name) for name in names)
