"""Characters of raw text: Unicode's normal form, case by language, and what is no text."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby

# Languages written without spaces between words.
UNSPACED = frozenset({"zh", "yue", "wuu", "ja", "th", "lo", "km", "my", "bo", "dz"})
_DOTLESS = frozenset({"tr", "az", "crh", "gag"})  # I and ı, İ and i are pairs
# Codes of three letters, as FLORES-200 and Tatoeba have them, for the languages that a rule by
# language here or in sacremoses names by two.
# fmt: off
_SHORTER = {
    "zho": "zh", "chi": "zh", "cmn": "zh", "jpn": "ja", "kor": "ko", "tha": "th", "lao": "lo",
    "khm": "km", "mya": "my", "bur": "my", "bod": "bo", "tib": "bo", "dzo": "dz", "tur": "tr",
    "aze": "az", "azj": "az", "asm": "as", "ben": "bn", "cat": "ca", "ces": "cs", "cze": "cs",
    "deu": "de", "ger": "de", "ell": "el", "gre": "el", "eng": "en", "spa": "es", "est": "et",
    "ekk": "et", "fin": "fi", "fra": "fr", "fre": "fr", "gle": "ga", "guj": "gu", "hin": "hi",
    "hun": "hu", "isl": "is", "ice": "is", "ita": "it", "kan": "kn", "lit": "lt", "lav": "lv",
    "lvs": "lv", "mal": "ml", "mar": "mr", "nld": "nl", "dut": "nl", "ori": "or", "ory": "or",
    "pan": "pa", "pol": "pl", "por": "pt", "ron": "ro", "rum": "ro", "rus": "ru", "slk": "sk",
    "slo": "sk", "slv": "sl", "swe": "sv", "tam": "ta", "tel": "te",
}
# fmt: on
_TO_DOTTED = str.maketrans({"I": "ı", "İ": "i"})
_BYTE_ORDER_MARK = "\ufeff"
C1_CONTROLS = re.compile("[\x80-\x9f]")  # U+0085 is white space to Python, and easily lost


@lru_cache
def base_language(code: str) -> str:
    """Language of a code without country and script: ``pt`` of ``pt-BR``, ``zh`` of ``zho_Hans``.

    Of codes with three letters only those of ``_SHORTER`` become ones with two.
    """
    language = re.split("[-_]", code)[0].lower()
    return _SHORTER.get(language, language)


def is_unspaced(language: str) -> bool:
    """True if the language is written without spaces between words."""
    return base_language(language) in UNSPACED


def has_own_case(language: str) -> bool:
    """True if lower case in the language is not Unicode's default."""
    return base_language(language) in _DOTLESS


def normal(raw: str) -> str:
    """``raw`` in Unicode's form NFC, without byte order marks; empty if it has no word.

    Control and format characters alone, such as a zero-width space, make no word.
    """
    text = unicodedata.normalize("NFC", raw).replace(_BYTE_ORDER_MARK, "")
    return text if any(map(_is_visible, text)) else ""


def lowered(text: str, language: str) -> str:
    """``text`` in lower case, by the rules of its language for I."""
    if has_own_case(language):
        # NFC, since I and a combining dot above are İ.
        text = unicodedata.normalize("NFC", text).translate(_TO_DOTTED)
    return text.lower()


@lru_cache(maxsize=1)
def marks_class() -> str:
    """Combining marks and zero-width joiners, for a character class of a regular expression.

    They are part of words: vowel signs of Hindi, vowels of Arabic and Hebrew, ZWNJ of Persian.
    """
    marks = [n for n in range(0x300, 0x1F000) if unicodedata.category(chr(n)).startswith("M")]
    runs = groupby(enumerate(marks), key=lambda place: place[1] - place[0])
    ranges = [[mark for _, mark in run] for _, run in runs]
    return "\u200c\u200d" + "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in ranges)


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ"
