"""Lines of UTF-8 text files; any other encoding is a UserError."""

from __future__ import annotations

import codecs
import io
import logging
import re
from collections.abc import Iterator
from itertools import count
from typing import Any

from spaces.errors import UserError
from trainable.characters import C1_CONTROLS
from trainable.data.blobs import Blob
from trainable.data.packed import CHUNK_BYTES, unpacked

log = logging.getLogger(__name__)

MAX_CHARACTERS = 100_000  # of a line; the longest sentences of known corpora have a few thousand
_MAX_LINE_BYTES = 4 * MAX_CHARACTERS + 2
_WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def published_lines(blob: Blob) -> list[str]:
    """Lines of a file of a published corpus, read like ``lines_of``; C1 controls are told."""
    return [" ".join(line.split()) for line in published_lines_in(blob)]


def published_lines_in(blob: Blob) -> list[str]:
    """Lines of a file of a published corpus, which is not its user's to mend.

    Like ``lines_in``, but C1 controls are told and stay: IWSLT'14 has some.
    """
    lines = _lines_in(blob)
    numbers = [n for n, line in enumerate(lines, start=1) if C1_CONTROLS.search(line)]
    if numbers:
        log.warning(
            "%s: %d lines hold control characters U+0080 to U+009F, line %d first; they stay, as "
            "the corpus was published",
            *(blob.place, len(numbers), numbers[0]),
        )
    return lines


def lines_of(blob: Blob) -> list[str]:
    """Lines of a text file, plain or packed, with runs of white space replaced by one space.

    Only a newline ends a line: if U+2028 or a lone carriage return did, one side of a corpus
    would be shifted against the other. A byte order mark of UTF-8 is dropped.

    Raises:
        UserError: the file is empty, not UTF-8, or holds NUL bytes, C1 controls or a line that is
            no sentence.
    """
    return [" ".join(line.split()) for line in lines_in(blob)]


def lines_in(blob: Blob) -> list[str]:
    """Lines of a text file with white space unchanged; otherwise like ``lines_of``."""
    lines = _lines_in(blob)
    for number, line in enumerate(lines, start=1):
        refuse_controls(line, blob.place, "line", number)
    return lines


def refuse_controls(line: str, place: str, unit: str, number: int) -> None:
    """Check that ``line``, with its white space as given, holds no C1 control.

    Args:
        place, unit, number: where it is, for the message: file, line or segment, and its number.

    Raises:
        UserError: it does, as text of CP1252 that was read as LATIN1.
    """
    control = C1_CONTROLS.search(line)
    if control is not None:
        raise UserError(
            f"{place}: {unit} {number}, character {control.start() + 1} is the control character "
            f"U+{ord(control[0]):04X}, which is no text; the file was CP1252 and read as LATIN1: "
            "convert the original with iconv -f CP1252 -t UTF-8"
        )


def _lines_in(blob: Blob) -> list[str]:
    stream = io.BufferedReader(io.BytesIO(unpacked(blob).data))
    return list(text_lines(stream, blob.place))


def text_lines(stream: io.BufferedReader[Any], place: str) -> Iterator[str]:
    """Lines of ``stream`` without their ends, one at a time; otherwise like ``lines_in``."""
    for mark, name in _WIDE_MARKS.items():
        if stream.peek(len(mark)).startswith(mark):
            raise UserError(f"{place}: is {name}, not UTF-8; convert it: iconv -f {name} -t UTF-8")
    is_empty = True
    for number in count(1):
        data = stream.readline(_MAX_LINE_BYTES)
        if not data:
            break
        line = _decoded(data, stream, place, number)
        is_empty = is_empty and not line.strip()
        yield line
    if is_empty:
        raise UserError(f"{place}: is empty; it must hold one sentence a line")


def _decoded(data: bytes, stream: io.BufferedReader[Any], place: str, number: int) -> str:
    """Text of line ``number``, whose bytes are ``data``; ``stream`` has the lines behind it."""
    if b"\0" in data:
        raise UserError(f"{place}: line {number} holds a NUL byte; give plain UTF-8 text")
    is_cut = len(data) == _MAX_LINE_BYTES and not data.endswith(b"\n")
    try:
        line = data.decode(
            "utf-8-sig" if number == 1 else "utf-8", "ignore" if is_cut else "strict"
        )
    except UnicodeDecodeError as error:
        sample = data + stream.read(CHUNK_BYTES)
        raise not_utf8(place, line=number, byte=data[error.start], sample=sample) from error
    line = line.removesuffix("\n")
    if is_cut or len(line) > MAX_CHARACTERS:
        raise UserError(
            f"{place}: line {number} has {'over ' * is_cut}{len(line):,} characters, over the "
            f"limit of {MAX_CHARACTERS:,}; it must hold one sentence a line"
        )
    return line


def not_utf8(place: str, *, line: int, byte: int, sample: bytes) -> UserError:
    """Error for ``byte`` on ``line``, with the command that converts text like ``sample``."""
    return UserError(
        f"{place}: line {line} holds byte 0x{byte:02x}, which is not UTF-8; "
        f"convert the text: iconv -f {_likely(sample)} -t UTF-8"
    )


def _likely(data: bytes) -> str:
    """Encoding of text that is not UTF-8: by its mark; LATIN1 has no letters in 0x80 to 0x9f."""
    for mark, name in _WIDE_MARKS.items():
        if data.startswith(mark):
            return name
    stray = re.search("[\udc80-\udc9f]", data.decode("utf-8", errors="surrogateescape"))
    return "LATIN1" if stray is None else "CP1252"
