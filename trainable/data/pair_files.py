"""Files of sentence pairs, one for both languages or one for each, read line by line.

What a file holds is told by its content: packed or not; plain text, SGM, or the XML of IWSLT for
one language; a table, TMX, WMT's XML, or the zip of Moses for both.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from pathlib import Path

from spaces.errors import UserError
from trainable.data.archives import member_stream, zip_file
from trainable.data.blobs import file_source
from trainable.data.lines import refuse_controls, text_lines
from trainable.data.manifest import Source
from trainable.data.markup import HEAD_BYTES, markup_of, segments, tmx_pairs, wmt_pairs
from trainable.data.packed import SourceFile, broken_is_an_error, content_of

log = logging.getLogger(__name__)

Part = Path | tuple[Path, Path]  # a file of pairs, or one of each side
Pair = tuple[str, str]

_ZIP = b"PK\x03\x04"
_ESCAPES = re.compile(r"&(?:apos|quot|#124|#91|#93);")
_N_LOOKED_AT = 100  # lines by which a table is told from plain text


@dataclass(slots=True, kw_only=True)
class PairReader:
    """Reader of files of pairs; ``sources`` are those that it has read to their ends.

    White space of sentences is replaced by single spaces.

    Args:
        tell_escapes: warn of text that Moses has escaped.
    """

    src: str
    tgt: str
    tell_escapes: bool = False
    sources: list[Source] = field(default_factory=list)

    def pairs(self, part: Part) -> Iterator[Pair]:
        """Pairs of ``part``, in order.

        Raises:
            UserError: a file cannot be read or is of no known form, its sides are of different
                lengths, or a line holds a control character.
        """
        if isinstance(part, tuple):
            return self._both(*part)
        return self._moses_zip(part) if _is_zip(part) else self._pairs(part)

    def _both(self, src: Path, tgt: Path) -> Iterator[Pair]:
        return _together(self._side(src), self._side(tgt), (src.name, tgt.name))

    def _side(self, path: Path) -> Iterator[str]:
        if _is_zip(path):
            raise _for_both(path, "zip")
        with _content(path, self.sources) as stream:
            kind = markup_of(stream.peek(HEAD_BYTES), path.name)
            if kind in ("tmx", "wmt"):
                raise _for_both(path, "XML")
            unit = "line" if kind is None else "segment"
            watch = _Watch(path.name, unit, tell_escapes=self.tell_escapes)
            lines = text_lines(stream, path.name)
            found = _no_table(lines, path) if kind is None else segments(lines, path.name)
            for line in found:
                yield watch.checked(line)

    def _pairs(self, path: Path) -> Iterator[Pair]:
        with _content(path, self.sources) as stream:
            kind = markup_of(stream.peek(HEAD_BYTES), path.name)
            match kind:
                case "tmx":
                    pairs = tmx_pairs(stream, path.name, src=self.src, tgt=self.tgt)
                case "wmt":
                    pairs = wmt_pairs(stream, path.name, src=self.src, tgt=self.tgt)
                case "segments":
                    raise UserError(
                        f"{path}: holds one language alone; give it as --train-src or --train-tgt "
                        "(or valid, test), and the other side beside it"
                    )
                case None:
                    pairs = table_pairs(text_lines(stream, path.name), path.name)
            yield from self._watched(pairs, path.name, "line" if kind is None else "pair")

    def _moses_zip(self, path: Path) -> Iterator[Pair]:
        self.sources.append(file_source(path))
        with zip_file(path) as archive:
            members = _moses_members(archive.namelist(), path, self.src, self.tgt)
            with (
                member_stream(archive, members[0], path.name) as src,
                member_stream(archive, members[1], path.name) as tgt,
            ):
                names = tuple(f"{path.name}:{member}" for member in members)
                pairs = _together(text_lines(src, names[0]), text_lines(tgt, names[1]), names)
                yield from self._watched(pairs, path.name, "line")

    def _watched(self, pairs: Iterator[Pair], place: str, unit: str) -> Iterator[Pair]:
        src, tgt = (_Watch(place, unit, tell_escapes=self.tell_escapes) for _ in range(2))
        for left, right in pairs:
            yield src.checked(left), tgt.checked(right)


def _together(src: Iterator[str], tgt: Iterator[str], names: tuple[str, ...]) -> Iterator[Pair]:
    """Lines of both sides as pairs.

    Raises:
        UserError: one has more lines.
    """
    for n_pairs, (left, right) in enumerate(zip_longest(src, tgt)):
        if left is None or right is None:
            n_src = n_pairs + (left is not None) + sum(1 for _ in src)
            n_tgt = n_pairs + (right is not None) + sum(1 for _ in tgt)
            raise UserError(
                f"{names[0]} has {n_src} sentences and {names[1]} has {n_tgt}; "
                "sentence n of one must translate sentence n of the other"
            )
        yield left, right


def table_pairs(lines: Iterator[str], place: str) -> Iterator[Pair]:
    """First two columns of lines with tabs; a line without a word is a pair of empty sentences.

    Raises:
        UserError: a line has one column.
    """
    for number, line in enumerate(lines, start=1):
        columns = line.split("\t")
        if len(columns) < 2 and line.strip():
            raise UserError(
                f"{place}: line {number} has no tab; write a sentence, a tab and its translation "
                "a line, or give a file for each side"
            )
        src, tgt, *_ = *columns, ""
        yield src, tgt


def _is_zip(path: Path) -> bool:
    """True if ``path`` is a zip file; a pipe is none, since zip files are not read in order."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_ZIP)) == _ZIP
    except OSError as error:
        raise _unreadable(path, error) from error


@contextmanager
def _content(path: Path, sources: list[Source]) -> Iterator[io.BufferedReader]:
    """Content of the file at ``path``; at its end its entry is added to ``sources``."""
    try:
        raw = path.open("rb", buffering=0)
    except OSError as error:
        raise _unreadable(path, error) from error
    with raw, broken_is_an_error(path.name):
        file = SourceFile(raw, path.name)
        yield content_of(file, path.name)
        sources.append(file.source())


def _unreadable(path: Path, error: OSError) -> UserError:
    reason = error.strerror or str(error)
    return UserError(f"{path}: cannot be read ({reason}); give a readable file")


def _no_table(lines: Iterator[str], path: Path) -> Iterator[str]:
    """``lines``, after a check that their first ones are no table's."""
    first = list(islice(lines, _N_LOOKED_AT))
    words = [line.strip() for line in first if line.strip()]
    if words and all("\t" in line for line in words):
        raise _for_both(path, "table")
    return chain(first, lines)


def _for_both(path: Path, kind: str) -> UserError:
    return UserError(
        f"{path}: is a {kind} file with both languages; give it alone, with --train, --valid "
        "or --test"
    )


def _moses_members(names: list[str], path: Path, src: str, tgt: str) -> tuple[str, str]:
    """Names of the two members of a zip of Moses, as ``X.de-en.de`` and ``X.de-en.en``."""
    stems = [name.removesuffix(f".{src}") for name in names if name.endswith(f".{src}")]
    found = [stem for stem in stems if f"{stem}.{tgt}" in names]
    if len(found) != 1:
        raise UserError(
            f"{path}: holds {'no' if not found else 'more than one'} pair of members that end in "
            f".{src} and .{tgt}; give a zip of Moses' files in these languages"
        )
    return f"{found[0]}.{src}", f"{found[0]}.{tgt}"


class _Watch:
    """Check of the lines of one file."""

    def __init__(self, place: str, unit: str, *, tell_escapes: bool) -> None:
        self._place, self._unit, self._tell_escapes = place, unit, tell_escapes
        self._n_lines = 0

    def checked(self, line: str) -> str:
        """``line`` with single spaces, and without controls; the first escape is told.

        Raises:
            UserError: it holds a C1 control.
        """
        self._n_lines += 1
        refuse_controls(line, self._place, self._unit, self._n_lines)
        if self._tell_escapes and (escape := _ESCAPES.search(line)) is not None:
            self._tell_escapes = False
            log.warning(
                "%s: %s %d holds %s, as Moses writes a mark in tokenised text; it is escaped "
                "again now. If the text is tokenised, say --form tokenised",
                *(self._place, self._unit, self._n_lines, escape[0]),
            )
        return " ".join(line.split())
