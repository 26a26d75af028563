"""Text for a terminal: what would act on it is written as escapes."""

from __future__ import annotations

import re

# Control characters but for line ends and tabs, marks that turn the direction of text, and
# halves of characters, which no terminal can be sent.
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""``text`` with escapes such as ``\x1b`` for characters that would act on a terminal."""
    return _ACTING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
