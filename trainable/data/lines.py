"""Lines of UTF-8 text files; any other encoding is a UserError."""

from __future__ import annotations

import codecs
import re

from spaces.errors import UserError
from trainable.data.archives import gunzip
from trainable.data.blobs import Blob

MAX_CHARACTERS = 100_000  # of a line; the longest sentences of known corpora have a few thousand
_WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def lines_of(blob: Blob) -> list[str]:
    """Lines of a text file, plain or .gz, with runs of white space replaced by one space.

    Only a newline ends a line: if U+2028 or a lone carriage return did, one side of a corpus
    would be shifted against the other. A byte order mark of UTF-8 is dropped.

    Raises:
        UserError: the file is empty, not UTF-8, or holds NUL bytes or a line that is no sentence.
    """
    return [" ".join(line.split()) for line in lines_in(blob)]


def lines_in(blob: Blob) -> list[str]:
    """Lines of a text file with white space unchanged; otherwise like ``lines_of``."""
    lines = decoded(gunzip(blob)).removesuffix("\n").split("\n")
    if not any(line.strip() for line in lines):
        raise UserError(f"{blob.place}: is empty; it must hold one sentence a line")
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_CHARACTERS:
            raise UserError(
                f"{blob.place}: line {number} has {len(line):,} characters, over the limit of "
                f"{MAX_CHARACTERS:,}; it must hold one sentence a line"
            )
    return lines


def decoded(blob: Blob) -> str:
    """Text of a blob in UTF-8.

    Raises:
        UserError: the blob is not UTF-8 or holds NUL bytes.
    """
    for mark, name in _WIDE_MARKS.items():
        if blob.data.startswith(mark):
            raise UserError(
                f"{blob.place}: is {name}, not UTF-8; convert it: iconv -f {name} -t UTF-8"
            )
    if b"\0" in blob.data:
        line = blob.data.count(b"\n", 0, blob.data.index(b"\0")) + 1
        raise UserError(f"{blob.place}: line {line} holds a NUL byte; give plain UTF-8 text")
    try:
        return blob.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise not_utf8(
            blob.place, line=line, byte=error.object[error.start], sample=error.object
        ) from error


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
