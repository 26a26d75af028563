"""Lines of text that are kept in temporary files, since a corpus can be larger than the memory."""

from __future__ import annotations

import os
import tempfile
import weakref
from abc import abstractmethod
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import overload

from trainable.data.blocks import blocks

_BLOCK_BYTES = 2**16


class OtherLines(Sequence[str]):
    """Lines that are not a list, and equal one with the same lines."""

    @abstractmethod
    def line(self, n: int) -> str:
        """Line ``n``, from 0."""

    def taken(self, places: array[int]) -> OtherLines:
        """Lines at ``places``, which increase."""
        return _TakenLines(self, places)

    @overload
    def __getitem__(self, n: int, /) -> str: ...
    @overload
    def __getitem__(self, n: slice, /) -> list[str]: ...
    def __getitem__(self, n: int | slice, /) -> str | list[str]:
        places = range(len(self))[n]
        return self.line(places) if isinstance(places, int) else [self.line(k) for k in places]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


class StoredLines(OtherLines):
    """Lines in a temporary file without a name, which goes with this object.

    Lines hold no newline. In memory each takes eight bytes.

    Args:
        folder: where the file is; None: where the system's temporary files are.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=_BLOCK_BYTES)  # noqa: SIM115
        self._starts = array("q", [0])
        self._is_written = True
        weakref.finalize(self, self._file.close)

    def extend(self, lines: Iterable[str]) -> None:
        """Add lines at the end."""
        for block in blocks(lines):
            data = [f"{line}\n".encode("utf-8", "surrogatepass") for line in block]
            self._file.write(b"".join(data))
            self._starts.extend(accumulate(map(len, data), initial=self._starts.pop()))
            self._is_written = False

    def line(self, n: int) -> str:
        start, end = self._starts[n], self._starts[n + 1]
        return self._read(start, end - start)[:-1].decode("utf-8", "surrogatepass")

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[str]:
        place, rest = 0, b""
        while block := self._read(place, _BLOCK_BYTES):
            place += len(block)
            lines, newline, rest = (rest + block).rpartition(b"\n")
            if newline:
                yield from lines.decode("utf-8", "surrogatepass").split("\n")

    def _read(self, place: int, n_bytes: int) -> bytes:
        if not self._is_written:
            self._file.flush()
            self._is_written = True
        return os.pread(self._file.fileno(), n_bytes, place)


class MadeLines(OtherLines):
    """Lines that are made of others whenever they are asked for."""

    def __init__(self, make: Callable[[str], str], lines: Sequence[str]) -> None:
        self._make, self._lines = make, lines

    def line(self, n: int) -> str:
        return self._make(self._lines[n])

    def taken(self, places: array[int]) -> OtherLines:
        return MadeLines(self._make, taken(self._lines, places))

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[str]:
        return map(self._make, self._lines)


class _TakenLines(OtherLines):
    """Some of other lines, in their order."""

    def __init__(self, lines: OtherLines, places: array[int]) -> None:
        self._lines, self._places = lines, places

    def line(self, n: int) -> str:
        return self._lines.line(self._places[n])

    def taken(self, places: array[int]) -> OtherLines:
        return _TakenLines(self._lines, array("q", [self._places[n] for n in places]))

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        lines, at = iter(self._lines), 0
        for place in self._places:
            yield from islice(lines, place - at, place - at + 1)
            at = place + 1


Lines = list[str] | StoredLines
NewLines = Callable[[], Lines]  # `list`, or lines stored somewhere


def taken(lines: Sequence[str], places: array[int]) -> Sequence[str]:
    """Lines at ``places``, in that order; of stored lines they must increase."""
    return lines.taken(places) if isinstance(lines, OtherLines) else [lines[n] for n in places]


def collected(lines: Iterable[str], new_lines: NewLines) -> Lines:
    """All of ``lines``, in memory or in a file as ``new_lines`` says."""
    kept = new_lines()
    kept.extend(lines)
    return kept
