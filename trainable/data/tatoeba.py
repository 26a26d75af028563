"""Tatoeba's German and English sentences, from the archive of manythings.org."""

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
    """The corpus Tatoeba, read from ``place`` (the zip or its folder) or downloaded.

    The archive grows with Tatoeba, so its checksum is recorded but not checked. Many sentences
    have several translations; valid and test, 1,000 pairs each, are drawn such that none of
    their sentences is in another split.

    Raises:
        UserError: the archive is missing or broken, or the download fails.
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
    """Pairs of ``deu.txt``, whose lines are English, tab, German[, tab, attribution].

    Raises:
        UserError: a line has another number of columns.
    """
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
