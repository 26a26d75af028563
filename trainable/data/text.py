"""The user's own parallel text: two files, or two for each split."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spaces.errors import UserError
from trainable.characters import C1_CONTROLS
from trainable.data.blobs import Blob, find_path, read_blob
from trainable.data.corpus import ParallelText, Split, aligned, from_raw, from_tokens
from trainable.data.holdout import SEED, completed
from trainable.data.manifest import LANGUAGE, SplitName
from trainable.data.tokenisation import Form

log = logging.getLogger(__name__)
_ESCAPES = re.compile(r"&(?:apos|quot|#124|#91|#93);")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFiles:
    """Paths of each split as (source side, target side); None: the split is held out from train."""

    train: tuple[Path, Path]
    valid: tuple[Path, Path] | None = None
    test: tuple[Path, Path] | None = None


def text(files: TextFiles, *, src: str, tgt: str, form: Form = "raw") -> ParallelText:
    """Corpus of the user's files: raw text, one sentence per line, plain or .gz.

    A missing valid or test split is held out from train: a twentieth of its pairs, at most
    1,000, such that no sentence is in two of these splits.

    Args:
        form: of the text: raw; in words as Moses writes them, escaped; or in subword units.

    Raises:
        UserError: a file or language cannot be used, or train is too small to hold out from.
    """
    require_languages(src, tgt)
    blobs: dict[SplitName, tuple[Blob, Blob]] = {
        "train": (read_blob(files.train[0]), read_blob(files.train[1]))
    }
    if files.valid is not None:
        blobs["valid"] = (read_blob(files.valid[0]), read_blob(files.valid[1]))
    if files.test is not None:
        blobs["test"] = (read_blob(files.test[0]), read_blob(files.test[1]))
    splits = {name: _split(*pair, src=src, tgt=tgt, form=form) for name, pair in blobs.items()}
    if form == "raw":
        for blob, lines in zip(
            blobs["train"], (splits["train"].raw.src, splits["train"].raw.tgt), strict=True
        ):
            _tell_escapes(lines, blob.place)
    return ParallelText(
        name="text",
        src=src,
        tgt=tgt,
        seed=None if len(blobs) == 3 else SEED,
        splits=completed(splits, unit="pairs"),
        form=form,
        licence="the user's own text; its licence is not known here",
        sources=tuple(blob.source() for pair in blobs.values() for blob in pair),
    )


def find_text(folder: Path, *, src: str, tgt: str) -> TextFiles:
    """Files of ``folder`` named {train,valid,test}.LANGUAGE, plain or .gz.

    Raises:
        UserError: train is missing, or one side of a split.
    """
    require_languages(src, tgt)
    train = _find_pair(folder, "train", src, tgt)
    if train is None:
        raise UserError(f"--from {folder}: holds no train.{src} and train.{tgt}; add the files")
    return TextFiles(
        train=train,
        valid=_find_pair(folder, "valid", src, tgt),
        test=_find_pair(folder, "test", src, tgt),
    )


def require_languages(src: str, tgt: str) -> None:
    """Check that two languages are different and valid language codes.

    Raises:
        UserError: they are not.
    """
    for option, language in (("--src", src), ("--tgt", tgt)):
        if not re.fullmatch(LANGUAGE, language):
            raise UserError(f"{option} {language}: is no language code; give one such as de or en")
    if src == tgt:
        raise UserError(f"--src and --tgt are both {src}; they must differ")


def _split(src_blob: Blob, tgt_blob: Blob, *, src: str, tgt: str, form: Form) -> Split:
    pairs = aligned(src_blob, tgt_blob)
    for blob, lines in ((src_blob, pairs.src), (tgt_blob, pairs.tgt)):
        refuse_controls(lines, blob.place)
    if form == "raw":
        return from_raw(pairs, src=src, tgt=tgt)
    return from_tokens(pairs, src=src, tgt=tgt, segmented=form == "segmented")


def refuse_controls(lines: Sequence[str], place: str) -> None:
    """Check that no line holds a C1 control, which is text of CP1252 read as LATIN1.

    Raises:
        UserError: one does.
    """
    for number, line in enumerate(lines, start=1):
        found = C1_CONTROLS.search(line)
        if found is not None:
            raise UserError(
                f"{place}: line {number}, character {found.start() + 1} is the control character "
                f"U+{ord(found[0]):04X}, which is no text; the file was CP1252 and read as "
                "LATIN1: convert the original with iconv -f CP1252 -t UTF-8"
            )


def _tell_escapes(lines: Sequence[str], place: str) -> None:
    for number, line in enumerate(lines, start=1):
        found = _ESCAPES.search(line)
        if found is not None:
            log.warning(
                "%s: line %d holds %s, as Moses writes a mark in tokenised text; it is escaped "
                "again now. If the text is tokenised, say --form tokenised",
                *(place, number, found[0]),
            )
            return


def _find_pair(folder: Path, name: str, src: str, tgt: str) -> tuple[Path, Path] | None:
    src_path, tgt_path = (find_path(folder, f"{name}.{side}") for side in (src, tgt))
    if src_path is not None and tgt_path is not None:
        return src_path, tgt_path
    if src_path is None and tgt_path is None:
        return None
    missing = src if src_path is None else tgt
    raise UserError(f"--from {folder}: holds one side of {name} only; add {name}.{missing}")
