"""Sentences in mark-up, read as a stream: segments of SGM and XML, pairs of TMX and WMT's XML.

Entities that a file declares are refused, since they could stand for gigabytes or other files.
"""

from __future__ import annotations

import codecs
import html
import io
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeVar
from xml.parsers import expat

from spaces.errors import UserError
from trainable.characters import base_language
from trainable.data.lines import MAX_CHARACTERS

log = logging.getLogger(__name__)

# One side's segments (SGM, and the XML of IWSLT); or pairs.
Markup = Literal["segments", "tmx", "wmt"]
HEAD_BYTES = 4096
_ROOTS: Mapping[str, Markup] = {
    "tmx": "tmx",
    "dataset": "wmt",
    **dict.fromkeys(("mteval", "srcset", "refset", "tstset", "doc"), "segments"),
}
_ROOT = re.compile(rf"<({'|'.join(_ROOTS)})[\s>]", re.IGNORECASE)
_SEGMENT_START = re.compile(r"<seg\b[^>]*>", re.IGNORECASE)
_SEGMENT_END = re.compile(r"</seg\s*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_CODES = frozenset({"bpt", "ept", "it", "ph", "ut"})  # of TMX: what they hold is no text
_XML_LANG = "http://www.w3.org/XML/1998/namespace lang"
_CHUNK_BYTES = 2**16
_MAX_TAG_BYTES = 2**20
_MAX_DEPTH = 64
_MAX_LANGUAGES = 200  # of a unit of TMX, which is held in memory
_MAX_DOCUMENT = 10_000_000  # characters of a document of WMT, which is held in memory


Side = TypeVar("Side")


def markup_of(head: bytes, place: str) -> Markup | None:
    """Kind of mark-up of a file that begins with ``head``; None for plain text.

    Raises:
        UserError: it is XML of another kind.
    """
    is_wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = head.decode("utf-16" if is_wide else "utf-8-sig", errors="ignore").lstrip()
    found = _ROOT.search(text) if text.startswith("<") else None
    is_xml = text.startswith(("<?xml", "<!DOCTYPE"))
    if found is not None and (is_xml or _is_prologue(text[: found.start()])):
        return _ROOTS[found[1].lower()]
    if is_xml:
        raise UserError(f"{place}: is XML, but no TMX, WMT or IWSLT file; give one of these")
    return None


def _is_prologue(text: str) -> bool:
    """True if all of ``text`` is in tags, comments and white space."""
    return not re.sub(r"<!--.*?-->|<[^<>]*>", "", text, flags=re.DOTALL).strip()


def segments(lines: Iterable[str], place: str) -> Iterator[str]:
    """Texts of the ``<seg>`` elements of a file, with entities resolved.

    The file need not be XML: SGM has ``&`` as it is, and tags without an end.

    Raises:
        UserError: a segment does not end or is too long, or there is none.
    """
    n_segments, pending = 0, ""
    for number, line in enumerate(lines, start=1):
        *ended, rest = _SEGMENT_END.split(line)
        for text in ended:
            yield _segment(pending + text, f"{place}: line {number}")
            n_segments, pending = n_segments + 1, ""
        pending = f"{pending}{rest} " if pending or _SEGMENT_START.search(rest) else ""
        if len(pending) > MAX_CHARACTERS:
            raise UserError(
                f"{place}: line {number}: a <seg> has over {MAX_CHARACTERS:,} characters, the "
                "limit; end it with </seg>"
            )
    if pending:
        raise UserError(f"{place}: its last <seg> has no </seg>; the file is cut off")
    if not n_segments:
        raise UserError(f"{place}: holds no <seg>; give a file with segments, or plain text")


def _segment(text: str, place: str) -> str:
    found = _SEGMENT_START.search(text)
    if found is None:
        raise UserError(f"{place} has a </seg> without its <seg>; mend the file")
    return " ".join(
        _ENTITY.sub(lambda entity: html.unescape(entity[0]), text[found.end() :]).split()
    )


def tmx_pairs(
    stream: io.BufferedReader[Any], place: str, *, src: str, tgt: str
) -> Iterator[tuple[str, str]]:
    """Pairs of the translation units of a TMX file that have both languages.

    Raises:
        UserError: the file is no XML, or no unit has both languages.
    """
    n_pairs, unit, language, text = 0, dict[str, str](), "", _Text(place)
    for event in _events(stream, place):
        match event:
            case _Start(name="tu"):
                unit = {}
            case _Start(name="tuv"):
                language = event.attributes.get(_XML_LANG) or event.attributes.get("lang", "")
                if len(unit) > _MAX_LANGUAGES:
                    raise UserError(f"{place}: a unit has over {_MAX_LANGUAGES} languages")
            case _Start(name="seg"):
                text.begin()
            case _End(name="seg"):
                unit.setdefault(language, text.end())
            case _End(name="tu"):
                both = _side(unit, src), _side(unit, tgt)
                if both[0] is not None and both[1] is not None:
                    n_pairs += 1
                    yield both[0], both[1]
            case _:
                text.take(event)
    if not n_pairs:
        raise _no_pairs(place, src, tgt)


def wmt_pairs(
    stream: io.BufferedReader[Any], place: str, *, src: str, tgt: str
) -> Iterator[tuple[str, str]]:
    """Pairs of WMT's XML, of sources and their first references, in either direction.

    Raises:
        UserError: the file is no XML, the segments of a document do not fit, or no document
            has both languages.
    """
    n_documents = n_left_out = 0
    for document in _documents(stream, place):
        both = _side(document.sides, src), _side(document.sides, tgt)
        if both[0] is None or both[1] is None:
            n_left_out += 1
            continue
        if both[0].keys() != both[1].keys():
            raise UserError(
                f"{place}: document {document.name}: its {src} and {tgt} texts have other "
                "segments; give a complete file"
            )
        n_documents += 1
        yield from ((text, both[1][name]) for name, text in both[0].items())
    if not n_documents:
        raise _no_pairs(place, src, tgt)
    if n_left_out:
        log.warning("%s: %d documents lack a side and are left out", place, n_left_out)


class _Document:
    """Segments of a document by language and identifier."""

    def __init__(self, name: str, place: str) -> None:
        self.name, self._place = name, place
        self.sides: dict[str, dict[str, str]] = {}
        self._side: dict[str, str] = {}
        self._n_characters = 0

    def begin_side(self, language: str | None) -> None:
        """Begin a text; of those in one language the first counts, and none without."""
        self._side = {}
        if language is not None:
            self.sides.setdefault(language, self._side)

    def add(self, name: str, text: str) -> None:
        """Add a segment to the text that was begun."""
        self._side[name] = text
        self._n_characters += len(name) + len(text) + 1
        if self._n_characters > _MAX_DOCUMENT:
            raise UserError(
                f"{self._place}: document {self.name}: has over {_MAX_DOCUMENT:,} characters, "
                "the limit; give a file with its documents apart"
            )


def _documents(stream: io.BufferedReader[Any], place: str) -> Iterator[_Document]:
    document, segment, text = _Document("without id", place), "", _Text(place)
    for event in _events(stream, place):
        match event:
            case _Start(name="doc"):
                document = _Document(event.attributes.get("id", "without id"), place)
            case _Start(name="src" | "ref"):
                document.begin_side(event.attributes.get("lang", ""))
            case _Start(name="hyp"):
                document.begin_side(None)
            case _Start(name="seg"):
                segment = event.attributes.get("id", "")
                text.begin()
            case _End(name="seg"):
                document.add(segment, text.end())
            case _End(name="doc"):
                yield document
            case _:
                text.take(event)


def _no_pairs(place: str, src: str, tgt: str) -> UserError:
    return UserError(f"{place}: holds no pair of {src} and {tgt}; give its own two languages")


def _side(sides: Mapping[str, Side], language: str) -> Side | None:
    """Side in ``language``, or else in one of its variants, as ``de-AT`` of ``de``."""
    wanted = language.replace("_", "-").lower()
    known = {name.replace("_", "-").lower(): side for name, side in sides.items()}
    base = wanted if "-" in wanted else base_language(wanted)
    variants = (side for name, side in known.items() if base_language(name) == base)
    return known[wanted] if wanted in known else next(variants, None)


class _Text:
    """Text of one segment after the other, without what TMX marks as codes of another format."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._is_open, self._n_codes, self._n_characters = False, 0, 0
        self._parts: list[str] = []

    def begin(self) -> None:
        """Begin a segment."""
        self._is_open, self._n_codes, self._n_characters = True, 0, 0
        self._parts = []

    def take(self, event: _Event) -> None:
        """Add the text of ``event``, if it is any of the segment's."""
        match event:
            case _Start(name=name) if name in _CODES:
                self._n_codes += 1
            case _End(name=name) if name in _CODES:
                self._n_codes -= 1
            case str() if self._is_open and not self._n_codes:
                self._parts.append(event)
                self._n_characters += len(event)
                if self._n_characters > MAX_CHARACTERS:
                    raise UserError(
                        f"{self._place}: a <seg> has over {MAX_CHARACTERS:,} characters, the limit"
                    )

    def end(self) -> str:
        """The segment's text, with runs of white space replaced by one space."""
        self._is_open = False
        return " ".join("".join(self._parts).split())


@dataclass(frozen=True, slots=True)
class _Start:
    name: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _End:
    name: str


_Event = _Start | _End | str  # a tag that begins or ends an element, or text between tags


def _events(stream: io.BufferedReader[Any], place: str) -> Iterator[_Event]:
    """Tags and texts of an XML file, in order.

    Raises:
        UserError: the file is no XML, declares entities, or is beyond a limit of depth or size.
    """
    reader = _XmlReader(place)
    while chunk := stream.read(_CHUNK_BYTES):
        yield from reader.read(chunk)
    yield from reader.read(b"", is_last=True)


class _XmlReader:
    """Expat, which expands no entities here, with limits of what it and we hold in memory."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._events: list[_Event] = []
        self._depth = self._n_bytes = 0
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add_text
        parser.EntityDeclHandler = self._refuse_entities
        parser.SkippedEntityHandler = self._refuse_entities

    def read(self, chunk: bytes, *, is_last: bool = False) -> list[_Event]:
        """Events of the next bytes of the file."""
        self._events = []
        self._n_bytes += len(chunk)
        try:
            self._parser.Parse(chunk, is_last)
        except (expat.ExpatError, ValueError) as error:  # ValueError: an unknown encoding
            raise UserError(f"{self._place}: is no XML ({error}); mend the file") from error
        if self._n_bytes - self._parser.CurrentByteIndex > _MAX_TAG_BYTES:
            self._refuse("has a tag of over a megabyte")
        return self._events

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._refuse(f"has elements within {_MAX_DEPTH} others")
        self._events.append(_Start(_local(name), attributes))

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._events.append(_End(_local(name)))

    def _add_text(self, text: str) -> None:
        self._events.append(text)

    def _refuse_entities(self, name: str, *_: object) -> None:
        self._refuse(f"has an entity of its own, {name!r}")

    def _refuse(self, what: str) -> NoReturn:
        line = self._parser.CurrentLineNumber
        raise UserError(f"{self._place}: line {line} {what}, which no corpus needs; mend the file")


def _local(name: str) -> str:
    """Name of an element without its namespace."""
    return name.rpartition(" ")[2]
