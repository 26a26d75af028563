"""The user's own text in one language: a sentence a line."""

from __future__ import annotations

import re
from pathlib import Path

from spaces.errors import UserError
from trainable.data.blobs import find_path, read_blob
from trainable.data.holdout import SEED, completed
from trainable.data.lines import lines_of
from trainable.data.manifest import LANGUAGE
from trainable.data.sentences import Sentences, sentence_split
from trainable.data.split_files import SplitFiles


def monolingual(files: SplitFiles[Path], *, language: str) -> Sentences:
    """Corpus of the user's files: raw text, one sentence per line, plain or packed.

    A missing valid or test split is held out from train: a twentieth of its sentences, at
    most 1,000, such that no sentence is in two of these splits.

    Raises:
        UserError: a file or the language cannot be used, or train is too small to hold out from.
    """
    require_language("--src", language)
    blobs = {name: [read_blob(path) for path in paths] for name, paths in files.given().items()}
    splits = {
        name: sentence_split([line for blob in read for line in lines_of(blob)], language=language)
        for name, read in blobs.items()
    }
    return Sentences(
        name="text",
        language=language,
        has_labels=False,
        seed=SEED if len(blobs) < 3 else None,
        splits=completed(splits, unit="sentences"),
        licence="the user's own text; its licence is not known here",
        sources=tuple(blob.source() for read in blobs.values() for blob in read),
    )


def find_monolingual(folder: Path, *, language: str) -> SplitFiles[Path]:
    """Files of ``folder`` named {train,valid,test}.LANGUAGE, plain or packed.

    Raises:
        UserError: train is missing, or the language is no code.
    """
    require_language("--src", language)
    train = find_path(folder, f"train.{language}")
    if train is None:
        raise UserError(f"--from {folder}: holds no train.{language}; add the file")
    return SplitFiles(
        train=(train,),
        valid=find_path(folder, f"valid.{language}"),
        test=find_path(folder, f"test.{language}"),
    )


def require_language(option: str, language: str) -> None:
    """Check that ``language`` is a language's code.

    Raises:
        UserError: it is not.
    """
    if not re.fullmatch(LANGUAGE, language):
        raise UserError(f"{option} {language}: is no language code; give one such as de or en")
