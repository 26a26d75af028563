"""Tatoeba's sentences with English, from the archives of manythings.org."""

from __future__ import annotations

from pathlib import Path

from spaces.errors import UserError
from trainable.data.archives import zip_member
from trainable.data.blobs import Blob, read_blob
from trainable.data.corpus import Pairs, ParallelText, from_raw
from trainable.data.download import fetch
from trainable.data.holdout import hold_out, n_held_out
from trainable.data.lines import published_lines_in
from trainable.data.text import require_languages

SEED = 1
URL = "https://www.manythings.org/anki/"
LICENCE = "CC BY 2.0 (France); attribution: www.manythings.org/anki and tatoeba.org"
ENGLISH = ("en", "eng")
# Names of archives by the languages' shorter codes; any code of three letters is one itself.
# fmt: off
_NAMES = {
    "ar": "ara", "bg": "bul", "ca": "cat", "cs": "ces", "da": "dan", "de": "deu", "el": "ell",
    "eo": "epo", "es": "spa", "et": "est", "eu": "eus", "fa": "pes", "fi": "fin", "fr": "fra",
    "he": "heb", "hi": "hin", "hr": "hrv", "hu": "hun", "id": "ind", "is": "isl", "it": "ita",
    "ja": "jpn", "ka": "kat", "ko": "kor", "lt": "lit", "lv": "lvs", "mk": "mkd", "mr": "mar",
    "nl": "nld", "no": "nob", "pl": "pol", "pt": "por", "ro": "ron", "ru": "rus", "sk": "slk",
    "sl": "slv", "sr": "srp", "sv": "swe", "th": "tha", "tl": "tgl", "tr": "tur", "uk": "ukr",
    "vi": "vie", "zh": "cmn",
}
# fmt: on


def tatoeba(place: Path | None, *, src: str = "de", tgt: str = "en") -> ParallelText:
    """The corpus Tatoeba, read from ``place`` (the zip or its folder) or downloaded.

    An archive grows with Tatoeba, so its checksum is recorded but not checked. Many sentences
    have several translations; valid and test, 1,000 pairs each, are drawn such that none of
    their sentences is in another split.

    Raises:
        UserError: the languages are not English and another one, the archive is missing or
            broken or of another language, or the download fails.
    """
    name = _name(src, tgt)
    blob = _blob(place, f"{name}-eng.zip")
    raw = read_pairs(zip_member(blob, f"{name}.txt"))
    if src in ENGLISH:
        raw = raw.reversed()
    whole = from_raw(raw, src=src, tgt=tgt).cleaned()
    n_drawn = n_held_out(len(whole.raw))
    splits = hold_out(whole, n_valid=n_drawn, n_test=n_drawn, seed=SEED)
    return ParallelText(
        name="tatoeba",
        src=src,
        tgt=tgt,
        seed=SEED,
        splits=splits,
        licence=LICENCE,
        sources=(blob.source(),),
    )


def read_pairs(blob: Blob) -> Pairs:
    """Pairs to English of a member, whose lines are English, tab, the other[, tab, attribution].

    Raises:
        UserError: a line has another number of columns.
    """
    src, tgt = [], []
    for n, line in enumerate(published_lines_in(blob), start=1):
        columns = line.split("\t")
        if len(columns) not in (2, 3):
            raise UserError(
                f"{blob.place}: line {n} has {len(columns)} columns, not English<TAB>other; "
                "give the archive of manythings.org"
            )
        english, other = (" ".join(column.split()) for column in columns[:2])
        src.append(other)
        tgt.append(english)
    return Pairs(src=src, tgt=tgt)


def _name(src: str, tgt: str) -> str:
    """Name of the archive of the language that is not English.

    Raises:
        UserError: there is none.
    """
    require_languages(src, tgt)
    others = [language for language in (src, tgt) if language not in ENGLISH]
    if len(others) != 1:
        raise UserError(
            f"tatoeba: has pairs with English alone, not of {src} and {tgt}; give one en, or "
            f"OPUS's zip of the pair (its Moses format): reservoir-search data text --src {src} "
            f"--tgt {tgt} --train FILE.zip"
        )
    name = _NAMES.get(others[0], others[0])
    if len(name) != 3:
        raise UserError(
            f"tatoeba: {others[0]} is no code that is known here; give the three letters that "
            "its archive on manythings.org begins with"
        )
    return name


def _blob(place: Path | None, name: str) -> Blob:
    if place is None:
        return fetch(f"{URL}{name}")
    return read_blob(place / name if place.is_dir() else place)
