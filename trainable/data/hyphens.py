"""Marks of hyphens that part compounds: ``a @-@ b``, or as WMT'16 was published."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

HyphenMark = Literal["@-@", "##AT##-##AT##"]
MARKS: tuple[HyphenMark, ...] = get_args(HyphenMark)
_MARK = re.compile(f" (?:{'|'.join(MARKS)})(?= )", re.IGNORECASE)


def mark_in(lines: Iterable[str]) -> HyphenMark | None:
    """The mark that tokenised ``lines`` have, if they have one."""
    for line in lines:
        found = _MARK.search(line)
        if found is not None:
            return next(mark for mark in MARKS if mark == found[0][1:].upper())
    return None


def without_marks(tokens: str) -> str:
    """``tokens`` with the compounds that marks part as one word."""
    return re.sub(f"{_MARK.pattern} ", "-", tokens, flags=re.IGNORECASE)
