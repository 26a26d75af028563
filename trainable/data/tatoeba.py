"""Tatoeba's German and English sentences, as manythings.org packs them for Anki."""

from __future__ import annotations

from pathlib import Path

from spaces.errors import UserError
from trainable.data.archives import zip_member
from trainable.data.blobs import Blob, read_blob
from trainable.data.corpus import Pairs, ParallelText, from_raw
from trainable.data.download import fetch
from trainable.data.holdout import hold_out, n_held_out
from trainable.data.lines import lines_in

SEED = 1
URL = "https://www.manythings.org/anki/deu-eng.zip"
LICENCE = "CC BY 2.0 (France); attribution: www.manythings.org/anki and tatoeba.org"
_ARCHIVE, _MEMBER = "deu-eng.zip", "deu.txt"


def tatoeba(place: Path | None) -> ParallelText:
    """The corpus, out of ``place`` (the zip, or a folder that holds it) or downloaded.

    The archive grows with Tatoeba, so its checksum is recorded, not prescribed. Many
    sentences have several translations: valid and test, 1,000 pairs each, are drawn so
    that no sentence of theirs stands in another split.
    """
    blob = _blob(place)
    raw = read_pairs(zip_member(blob, _MEMBER))
    whole = from_raw(raw, src="de", tgt="en").cleaned()
    n_drawn = n_held_out(len(whole.raw))
    splits = hold_out(whole, n_valid=n_drawn, n_test=n_drawn, seed=SEED)
    return ParallelText(
        name="tatoeba",
        src="de",
        tgt="en",
        seed=SEED,
        splits=splits,
        licence=LICENCE,
        sources=(blob.source(),),
    )


def read_pairs(blob: Blob) -> Pairs:
    """The pairs of ``deu.txt``: English, tab, German[, tab, attribution] a line."""
    src, tgt = [], []
    for n, line in enumerate(lines_in(blob), start=1):
        columns = line.split("\t")
        if len(columns) not in (2, 3):
            raise UserError(
                f"{blob.place}: line {n} has {len(columns)} columns, not English<TAB>German; "
                "give the archive of manythings.org"
            )
        english, german = (" ".join(column.split()) for column in columns[:2])
        src.append(german)
        tgt.append(english)
    return Pairs(src=src, tgt=tgt)


def _blob(place: Path | None) -> Blob:
    if place is None:
        return fetch(URL)
    return read_blob(place / _ARCHIVE if place.is_dir() else place)
