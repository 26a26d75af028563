"""Marks of hyphens that part compounds: ``a @-@ b``, or as WMT'16 was published."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal, get_args

HyphenMark = Literal["@-@", "##AT##-##AT##"]
MARKS: tuple[HyphenMark, ...] = get_args(HyphenMark)
_BARE = re.compile(r"\w-\w")
_MARK = re.compile(f" (?:{'|'.join(MARKS)})(?= )", re.IGNORECASE)


def mark_in(lines: Iterable[str]) -> HyphenMark | None:
    """The mark that parts compounds in tokenised ``lines``, if one does.

    More lines must have it than have compounds with a bare hyphen: single lines of a noisy text
    may be tokenised twice.
    """
    n_lines: Counter[HyphenMark | None] = Counter()
    for line in lines:
        found = _MARK.search(line)
        if found is not None:
            n_lines[next(mark for mark in MARKS if mark == found[0][1:].upper())] += 1
        elif _BARE.search(line):
            n_lines[None] += 1
    marked = max(MARKS, key=lambda mark: n_lines[mark])
    return marked if n_lines[marked] > n_lines[None] else None


def without_marks(tokens: str) -> str:
    """``tokens`` with the compounds that marks part as one word."""
    return re.sub(f"{_MARK.pattern} ", "-", tokens, flags=re.IGNORECASE)
