"""IWSLT of any year and pair of languages: the archive that WIT3 published, or its files."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from pathlib import Path

from spaces.errors import UserError
from trainable.data.archives import tar_members
from trainable.data.blobs import PACKED_ENDINGS, Blob, read_blob
from trainable.data.corpus import ParallelText, Split, from_raw, paired
from trainable.data.iwslt14 import LICENCE, MAX_RATIO, concatenated, without_tags
from trainable.data.lines import published_lines_in
from trainable.data.manifest import Source, SplitName
from trainable.data.markup import segments
from trainable.data.text import require_languages

_DROPPED = (
    *("<url>", "<talkid>", "<keywords>", "<speaker>", "<reviewer", "<translator"),
    *("<doc", "</doc>"),
)


def iwslt(place: Path, *, src: str, tgt: str) -> ParallelText:
    """Corpus from ``place``, an archive like ``de-en.tgz`` or a folder of its files.

    Train is that of ``train.tags``, cleaned as for IWSLT'14; valid are the sets named ``dev…``,
    test those named ``tst…``, in the order of their names.

    Raises:
        UserError: a file is missing or broken, or the languages are not those of the files.
    """
    require_languages(src, tgt)
    files, sources = _files(place, _Names(src, tgt))
    train = _both(files, r"train\.tags", "", src, tgt, place)
    raw = paired(*train[0], read=without_tags(_DROPPED))
    splits: dict[SplitName, Split] = {
        "train": from_raw(raw, src=src, tgt=tgt).cleaned(max_ratio=MAX_RATIO)
    }
    evaluated: Mapping[SplitName, str] = {"valid": "dev", "test": "tst"}
    for name, sets in evaluated.items():
        found = _both(files, rf"IWSLT[0-9]+\.[A-Z]+\.{sets}[0-9]+", r"\.xml", src, tgt, place)
        parts = [paired(*sides, read=_segments) for sides in found]
        splits[name] = from_raw(concatenated(parts), src=src, tgt=tgt).without_blanks()
    return ParallelText(
        name="iwslt", src=src, tgt=tgt, splits=splits, licence=LICENCE, sources=sources
    )


class _Names(Container[str]):
    """Names of the files of a pair of languages, in either order."""

    def __init__(self, src: str, tgt: str) -> None:
        self._pattern = re.compile(
            rf"(train\.tags|IWSLT[0-9]+\.[A-Z]+\.(dev|tst)[0-9]+)\.({src}-{tgt}|{tgt}-{src})"
            rf"\.({src}|{tgt})(\.xml)?"
        )

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._pattern.fullmatch(name) is not None


def _files(place: Path, names: _Names) -> tuple[dict[str, Blob], tuple[Source, ...]]:
    """Files by their names without a packer's ending, and those that were read."""
    if not place.is_dir():
        archive = read_blob(place)
        return tar_members(archive, names), (archive.source(),)
    blobs = {}
    for path in sorted(place.iterdir()):
        ending = next(end for end in reversed(PACKED_ENDINGS) if path.name.endswith(end))
        name = path.name.removesuffix(ending)
        if name in names:
            blobs[name] = read_blob(path)
    return blobs, tuple(blob.source() for blob in blobs.values())


def _both(
    files: dict[str, Blob], start: str, end: str, src: str, tgt: str, place: Path
) -> list[tuple[Blob, Blob]]:
    """Files of both sides whose names begin and end so.

    Raises:
        UserError: there is none, or one lacks its other side.
    """
    wanted = re.compile(rf"({start}\.[^.]+)\.{src}({end})")
    found = [match for match in map(wanted.fullmatch, sorted(files)) if match is not None]
    pairs = [(files[match[0]], f"{match[1]}.{tgt}{match[2]}") for match in found]
    missing = [name for _, name in pairs if name not in files]
    if missing or not pairs:
        shown = start.replace("\\", "").replace("[0-9]+", "…").replace("[A-Z]+", "…")
        name = missing[0] if missing else f"{shown}.{src}-{tgt}.{src}{end[1:]}"
        raise UserError(f"{place}: holds no file {name}; give an archive of IWSLT, or its files")
    return [(blob, files[name]) for blob, name in pairs]


def _segments(blob: Blob) -> list[str]:
    return list(segments(iter(published_lines_in(blob)), blob.place))
