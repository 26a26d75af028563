"""Words and marks of a tokenised sentence, joined as its language writes them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from trainable.characters import is_unspaced

_QUOTES = frozenset("\"'`”’")  # open or close, by what came before
_OPENING = frozenset("¿¡#@~№§")
_LEFT = frozenset("“")  # closes where „ is open
_APART = frozenset("&*/=+<>|–—―-−±×÷→•")
_DIGIT = re.compile(r"\d")
_LATIN_WORD = re.compile(r"[0-9A-Za-z\u00c0-\u024f]")


def joined_words(words: Sequence[str], *, language: str) -> str:
    """Sentence of unescaped ``words``; spaces stand where the language writes them."""
    if is_unspaced(language):
        return _without_spaces(words)
    parts: list[str] = []
    opened: set[str] = set()
    glued = True  # to what comes before
    for place, word in enumerate(words):
        follower = words[place + 1] if place + 1 < len(words) else ""
        before, after = _attaches(word, words[place - 1] if place else "", follower, opened)
        if not (glued or before):
            parts.append(" ")
        parts.append(word)
        glued = after
    return "".join(parts)


def _attaches(word: str, previous: str, follower: str, opened: set[str]) -> tuple[bool, bool]:
    """Whether ``word`` stands without a space before it, and without one after it."""
    marks = set(word)
    if len(marks) > 1 and not all(map(_is_mark, marks)):
        return False, False
    mark = word[-1]
    if not _is_mark(mark) or mark in _APART:
        return False, False
    if mark in _QUOTES or (mark in _LEFT and "„" in opened):
        return _quote_attaches("„" if mark in "“”" and "„" in opened else mark, opened)
    if mark == "%" or unicodedata.category(mark) == "Sc":
        before_number = bool(_DIGIT.match(follower)) and not _DIGIT.search(previous[-1:])
        return (False, True) if before_number else (mark == "%", False)
    if mark in _OPENING or unicodedata.category(mark) in ("Ps", "Pi"):
        opened.add(mark)
        return False, True
    return unicodedata.category(mark)[0] == "P" or mark == "°", False


def _quote_attaches(mark: str, opened: set[str]) -> tuple[bool, bool]:
    opener = {"”": "“", "’": "‘"}.get(mark, mark)
    for known in (opener, mark):
        if known in opened:
            opened.discard(known)
            return True, False
    if mark == "’":  # an apostrophe at a word's end is more common than a quote that opens
        return True, False
    opened.add(mark)
    return False, True


def _without_spaces(words: Sequence[str]) -> str:
    """Words without spaces but for those between two words in Latin letters or digits."""
    parts: list[str] = []
    for place, word in enumerate(words):
        if place and _LATIN_WORD.match(word[0]) and _LATIN_WORD.match(words[place - 1][-1]):
            parts.append(" ")
        parts.append(word)
    return "".join(parts)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"
