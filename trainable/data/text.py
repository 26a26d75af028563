"""The user's own parallel text: files of pairs, or two for each split."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from operator import ne
from pathlib import Path

from spaces.errors import UserError
from trainable.characters import normal
from trainable.data.blobs import find_path
from trainable.data.blocks import blocks
from trainable.data.corpus import Pairs, ParallelText, Split, from_tokens, tell_composed, tokenised
from trainable.data.holdout import SEED, completed
from trainable.data.manifest import LANGUAGE, Source, SplitName
from trainable.data.pair_files import Pair, PairReader, Part
from trainable.data.split_files import SplitFiles
from trainable.data.stored_lines import StoredLines
from trainable.data.tokenisation import Form

TextFiles = SplitFiles[Part]


def text(
    files: TextFiles, *, src: str, tgt: str, form: Form = "raw", scratch: Path | None = None
) -> ParallelText:
    """Corpus of the user's files, which ``PairReader`` reads.

    A missing valid or test split is held out from train: a twentieth of its pairs, at most
    1,000, such that no sentence is in two of these splits.

    Args:
        form: of the text: raw; in words as Moses writes them, escaped; or in subword units.
        scratch: folder of temporary files, which take a multiple of the text; None: the system's.

    Raises:
        UserError: a file or language cannot be used, or train is too small to hold out from.
    """
    require_languages(src, tgt)
    sources: list[Source] = []
    splits: dict[SplitName, Split] = {}
    for name, parts in files.given().items():
        tell = form == "raw" and name == "train"
        reader = PairReader(src=src, tgt=tgt, tell_escapes=tell, sources=sources)
        pairs = (pair for part in parts for pair in reader.pairs(part))
        splits[name] = _split(pairs, src=src, tgt=tgt, form=form, scratch=scratch)
    return ParallelText(
        name="text",
        src=src,
        tgt=tgt,
        seed=None if len(splits) == 3 else SEED,
        splits=completed(splits, unit="pairs"),
        form=form,
        licence="the user's own text; its licence is not known here",
        sources=tuple(sources),
    )


def find_text(folder: Path, *, src: str, tgt: str) -> TextFiles:
    """Files of ``folder`` named {train,valid,test}.LANGUAGE, plain or packed.

    Raises:
        UserError: train is missing, or one side of a split.
    """
    require_languages(src, tgt)
    train = _find_pair(folder, "train", src, tgt)
    if train is None:
        raise UserError(f"--from {folder}: holds no train.{src} and train.{tgt}; add the files")
    return TextFiles(
        train=(train,),
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


def _split(pairs: Iterator[Pair], *, src: str, tgt: str, form: Form, scratch: Path | None) -> Split:
    stored, n_changed = (StoredLines(scratch), StoredLines(scratch)), [0, 0]
    for block in blocks(pairs):
        for side, lines in enumerate(zip(*block, strict=True)):
            kept = list(map(normal, lines)) if form == "raw" else lines
            n_changed[side] += sum(map(ne, kept, lines))
            stored[side].extend(kept)
    both = Pairs(src=stored[0], tgt=stored[1])
    if form != "raw":
        return from_tokens(both, src=src, tgt=tgt, segmented=form == "segmented")
    for n_sentences, language in zip(n_changed, (src, tgt), strict=True):
        tell_composed(n_sentences, language)
    return tokenised(both, src=src, tgt=tgt, new_lines=partial(StoredLines, scratch))


def _find_pair(folder: Path, name: str, src: str, tgt: str) -> tuple[Path, Path] | None:
    src_path, tgt_path = (find_path(folder, f"{name}.{side}") for side in (src, tgt))
    if src_path is not None and tgt_path is not None:
        return src_path, tgt_path
    if src_path is None and tgt_path is None:
        return None
    missing = src if src_path is None else tgt
    raise UserError(f"--from {folder}: holds one side of {name} only; add {name}.{missing}")
