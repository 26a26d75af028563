"""Reading of files of unknown origin, within limits of memory.

Text takes a multiple of its size once it is parsed, and a gzip file may hold a thousand times its
own. So each reader has a limit that no honest file comes near.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from spaces.errors import UserError

# JSON and TOML: a list of wrong values takes up to 400 times its text, with pydantic's errors.
MAX_VALUES_BYTES = 2**20
MAX_DOTS = 4096  # in TOML: its parser keeps every beginning of a dotted key


class _Lines(Protocol):
    def readline(self, n_bytes: int, /) -> bytes: ...


def read_values(path: Path, *, max_bytes: int = MAX_VALUES_BYTES) -> bytes:
    """Content of a JSON or TOML file.

    Raises:
        OSError: the file cannot be read.
        UserError: it has more than ``max_bytes``.
    """
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise UserError(
            f"{path}: has more than {max_bytes} bytes, the limit of such a file; give another one"
        )
    return content


def toml_values(text: str) -> dict[str, Any]:
    """Values of a TOML text.

    Raises:
        ValueError: it is no TOML, or nested or dotted beyond measure.
    """
    if text.count(".") > MAX_DOTS:
        raise ValueError(f"it has more than {MAX_DOTS} dots; no file that we read needs them")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(_in_plain_words(str(error))) from error
    except RecursionError as error:
        raise ValueError(str(error)) from error


def _in_plain_words(message: str) -> str:
    """A message of tomllib's, with the table or setting that is there twice."""
    table = re.match(r"Cannot declare \((.+?),?\) twice", message)
    if table is not None:
        name = ".".join(re.findall(r"'([^']*)'", table[1]))
        return f"table [{name}] is there twice; make one of them{message[table.end() :]}"
    return message.replace("Cannot overwrite a value", "a setting is there twice; remove one")


def bounded_lines(
    stream: _Lines, place: str, *, max_bytes: int, max_line_bytes: int
) -> Iterator[bytes]:
    """Lines of ``stream`` with their ends, one at a time.

    Raises:
        UserError: a line, or all together, are longer than their limit.
    """
    n_bytes = 0
    for number in count(1):
        line = stream.readline(max_line_bytes + 1)
        if not line:
            return
        n_bytes += len(line)
        if n_bytes > max_bytes:
            raise UserError(f"{place}: unpacks to more than {max_bytes} bytes, the limit")
        if len(line) > max_line_bytes:
            raise UserError(f"{place}: line {number} has more than {max_line_bytes} bytes")
        yield line
