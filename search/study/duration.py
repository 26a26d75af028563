"""Durations as a user writes them: ``90s``, ``9m`` or ``1h``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh])")
_UNITS_S = {"s": 1, "m": 60, "h": 3600}


def duration_s(text: str) -> float:
    """Seconds of a duration.

    Raises:
        ValueError: it is not written as ``90s``, ``9m`` or ``1h``.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("is no time; write 90s, 9m or 1h")
    return float(found[1]) * _UNITS_S[found[2]]


def _check_duration(text: object) -> str:
    if not isinstance(text, str):  # a bare number has no unit
        # pydantic tells of a ValueError alone
        raise ValueError('must be a time in quotes, as "90s", "9m" or "1h"')
    if duration_s(text) == 0:
        raise ValueError("must be a time above 0, as 90s, 9m or 1h")
    return text


Duration = Annotated[
    str,
    PlainValidator(_check_duration),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
