"""Multi30k: 29,000 image captions in German, English, French and Czech, and their test sets."""

from __future__ import annotations

import logging
from pathlib import Path

from spaces.errors import UserError
from trainable.data.blobs import Blob, find_blob
from trainable.data.corpus import ParallelText, Split, aligned, from_raw
from trainable.data.download import fetch
from trainable.data.manifest import SplitName
from trainable.data.multi30k_files import FIRST_TEST, LANGUAGES, N_SENTENCES, SHA256, TestSet

log = logging.getLogger(__name__)

URL = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/"
LICENCE = (
    "non-commercial research and education; captions of Flickr30k images (Elliott et al. 2016)"
)


def multi30k(
    folder: Path | None, *, src: str = "de", tgt: str = "en", test: TestSet = FIRST_TEST
) -> ParallelText:
    """The corpus Multi30k, read from the files in ``folder`` (plain or packed) or downloaded.

    Raises:
        UserError: it has no such language or test set, a file is missing or broken, or the
            download fails.
    """
    _require(src, tgt, test)
    splits: dict[SplitName, Split] = {}
    sources = []
    names: dict[SplitName, str] = {"train": "train", "valid": "val", "test": test}
    for split, name in names.items():
        sides = [_blob(folder, f"{name}.{language}") for language in (src, tgt)]
        raw = aligned(*sides)
        if len(raw) != N_SENTENCES[name]:
            log.warning(
                "%s has %d lines, Multi30k has %d", sides[0].place, len(raw), N_SENTENCES[name]
            )
        splits[split] = from_raw(raw, src=src, tgt=tgt).without_blanks()
        sources += [side.source() for side in sides]
    return ParallelText(
        name="multi30k" if test == FIRST_TEST else f"multi30k-{test}",
        src=src,
        tgt=tgt,
        splits=splits,
        licence=LICENCE,
        sources=tuple(sources),
    )


def _require(src: str, tgt: str, test: TestSet) -> None:
    if src == tgt or src not in LANGUAGES or tgt not in LANGUAGES:
        raise UserError(
            f"multi30k: has no pair of {src} and {tgt}; give two of {', '.join(LANGUAGES)}"
        )
    for language in (src, tgt):
        if f"{test}.{language}.gz" not in SHA256:
            raise UserError(f"multi30k: {test} has no {language} side; give another --test-set")


def _blob(folder: Path | None, name: str) -> Blob:
    if folder is not None:
        return find_blob(folder, name)
    return fetch(f"{URL}{name}.gz", sha256=SHA256[f"{name}.gz"])
