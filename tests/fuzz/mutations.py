"""Inputs that are nearly right: whole ones with a few things changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

# What has broken readers of text before.
TOKENS = [
    *(
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        "=",
        ",",
        ".",
        ":",
        '"',
        "'",
        "#",
        "\n",
        "\r",
        "\t",
        "\0",
        "\\",
    ),
    *("nan", "inf", "-inf", "NaN", "Infinity", "null", "true", "-0", "1e999", "-1", "0", "1e-400"),
    *("9" * 5000, "9" * 400, "0x" + "f" * 4000, "18446744073709551616", "2147483648"),
    *("[" * 3000, "a." * 3000 + "a = 1", "{" * 3000, "(" * 3000, "/" * 300),
    *("../../etc/passwd", "/dev/zero", "\u2028", "\ufeff", "\U0001f600", "1979-05-27", "\\ud800"),
    *("[[space]]", "[model]", "R1", "*999999999", "#version: 0.2", "#fairseq:overwrite"),
]
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([-1, 0, 2**31, 2**32, 2**63, 2**64, 10**30, 10**400]),
    st.floats(),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.text(max_size=20),
    st.sampled_from(TOKENS),
    st.lists(st.one_of(NUMBERS, st.text(max_size=5)), max_size=3),
    st.dictionaries(st.text(max_size=5), NUMBERS, max_size=2),
)


@st.composite
def changed_bytes(draw: st.DrawFn, wholes: Sequence[bytes]) -> bytes:
    """One of ``wholes`` with a few bytes flipped, cut, put in or said twice."""
    data = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["put", "cut", "twice", "end", "token", "flip"])):
            case "put":
                data[start:end] = draw(st.binary(max_size=40))
            case "cut":
                del data[start:end]
            case "twice":
                data[start:start] = data[start:end]
            case "end":
                del data[start:]
            case "token":
                data[start:end] = draw(st.sampled_from(TOKENS)).encode()
            case "flip" if start < len(data):
                data[start] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


@st.composite
def changed_values(draw: st.DrawFn, whole: Any) -> Any:
    """A copy of ``whole`` (as JSON has it) with a few values replaced, left out or added."""
    values = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = values
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and draw(st.booleans()):
                place = place[key]
                continue
            match draw(st.sampled_from(["replace", "replace", "drop", "add"])):
                case "replace":
                    place[key] = draw(VALUES)
                case "drop":
                    del place[key]
                case "add" if isinstance(place, dict):
                    place[draw(st.text(max_size=8))] = draw(VALUES)
            break
    return values


def as_json(values: Any) -> bytes:
    """The text, whose integers may have more digits than ``json`` is willing to write."""
    try:
        return json.dumps(values).encode()
    except ValueError:
        return b'{"number": ' + b"9" * 5000 + b"}"


def changed_json(whole: Any) -> st.SearchStrategy[bytes]:
    """``whole`` as text, changed as values or as bytes."""
    text = json.dumps(whole).encode()
    return st.one_of(changed_values(whole).map(as_json), changed_bytes([text]))
