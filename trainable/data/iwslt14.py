"""IWSLT'14, German and English: the standard pipeline on the archive or its files."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from spaces.errors import UserError
from trainable.data.archives import tar_members
from trainable.data.blobs import Blob, find_blob, read_blob
from trainable.data.corpus import Pairs, ParallelText, Split, aligned, from_raw, from_tokens, paired
from trainable.data.download import check, fetch
from trainable.data.lines import published_lines
from trainable.data.manifest import SPLITS, Source, SplitName

log = logging.getLogger(__name__)

URL = "https://dl.fbaipublicfiles.com/fairseq/data/iwslt14/de-en.tgz"
UNVERIFIED_MD5 = "10936dfdf616504ddbd844e91b94ef4a"  # published by a third party
LICENCE = "CC BY-NC-ND; TED talks, by WIT3 (Cettolo et al. 2012)"
N_TRAIN = 160_239
MAX_RATIO = 1.5
VALID_EVERY = 23
TRAIN_FILE = "train.tags.de-en"
TEST_FILES = (
    "IWSLT14.TED.dev2010.de-en",
    "IWSLT14.TEDX.dev2012.de-en",
    "IWSLT14.TED.tst2010.de-en",
    "IWSLT14.TED.tst2011.de-en",
    "IWSLT14.TED.tst2012.de-en",
)
_DROPPED = ("<url>", "<talkid>", "<keywords>")
_HEADINGS = re.compile(r"</?(?:title|description)>")
_SEGMENT_TAGS = re.compile(r'<seg id="[0-9]*">\s*|\s*</seg>\s*')

Find = Callable[[str], Blob]


def iwslt14(place: Path | None, *, src: str = "de", tgt: str = "en") -> ParallelText:
    """The corpus IWSLT'14, read from ``place`` or downloaded.

    Args:
        place: ``de-en.tgz``; a folder of its files, plain or .gz; or a folder of
            ``{train,valid,test}.{de,en}``, plain or .gz, already Moses-tokenised and
            cleaned. None: download the archive.
        src, tgt: German and English, in either direction.

    Raises:
        UserError: a file is missing, broken or not the expected one, the download fails, or the
            languages are others.
    """
    if {src, tgt} != {"de", "en"}:
        raise UserError(
            f"iwslt14: is of German and English, not of {src} and {tgt}; for other pairs: "
            "reservoir-search data iwslt"
        )
    return _directed(_german_to_english(place), src=src)


def _german_to_english(place: Path | None) -> ParallelText:
    if place is None:
        return _from_archive(fetch(URL, unverified_md5=UNVERIFIED_MD5))
    if not place.is_dir():
        archive = read_blob(place)
        check(archive, unverified_md5=UNVERIFIED_MD5)
        return _from_archive(archive)
    for folder in (place, place / "de-en"):
        if any(folder.glob(f"{TRAIN_FILE}.*")):
            return _from_files(partial(find_blob, folder), sources=None)
    return _from_tokenised(place)


def _directed(corpus: ParallelText, *, src: str) -> ParallelText:
    """``corpus``, or its reverse if its source is not ``src``."""
    if corpus.src == src:
        return corpus
    splits = {name: split.reversed() for name, split in corpus.splits.items()}
    return replace(corpus, src=corpus.tgt, tgt=corpus.src, splits=splits)


def training_lines(blob: Blob) -> list[str]:
    """Sentences of a training file, without links and keywords; titles without their tags."""
    return without_tags(_DROPPED)(blob)


def without_tags(dropped: Sequence[str]) -> Callable[[Blob], list[str]]:
    """Reader of training files that leaves out lines with one of the tags ``dropped``."""

    def read(blob: Blob) -> list[str]:
        return [
            _HEADINGS.sub("", line).strip()
            for line in published_lines(blob)
            if not any(tag in line for tag in dropped)
        ]

    return read


def evaluation_lines(blob: Blob) -> list[str]:
    """Segments of an evaluation XML with ’ replaced by '; entities are not unescaped."""
    lines = [
        _SEGMENT_TAGS.sub("", line).replace("’", "'").strip()
        for line in published_lines(blob)
        if "<seg id" in line
    ]
    if not lines:
        raise UserError(f"{blob.place}: holds no <seg id=…> line; give the evaluation XML")
    return lines


def every_nth_is_valid(whole: Split) -> tuple[Split, Split]:
    """Train and valid split of the cleaned pairs: counted from 1, every 23rd is valid."""
    places = range(1, len(whole.raw) + 1)
    train = whole.take([n - 1 for n in places if n % VALID_EVERY])
    valid = whole.take([n - 1 for n in places if n % VALID_EVERY == 0])
    return replace(train, dropped=whole.dropped), valid


def _from_archive(archive: Blob) -> ParallelText:
    names = [f"{TRAIN_FILE}.{side}" for side in ("de", "en")]
    names += [f"{name}.{side}.xml" for name in TEST_FILES for side in ("de", "en")]
    members = tar_members(archive, names)

    def find(name: str) -> Blob:
        if name not in members:
            raise UserError(f"{archive.place}: has no member {name}; give the archive de-en.tgz")
        return members[name]

    return _from_files(find, sources=(archive.source(),))


def _from_files(find: Find, *, sources: tuple[Source, ...] | None) -> ParallelText:
    """Corpus from the archive's files; if ``sources`` is None, they are the files themselves."""
    blobs = [find(f"{TRAIN_FILE}.{side}") for side in ("de", "en")]
    raw = paired(*blobs, read=training_lines)
    whole = from_raw(raw, src="de", tgt="en").cleaned(max_ratio=MAX_RATIO)
    train, valid = every_nth_is_valid(whole)
    parts = []
    for name in TEST_FILES:
        sides = [find(f"{name}.{side}.xml") for side in ("de", "en")]
        parts.append(paired(*sides, read=evaluation_lines))
        blobs += sides
    test = from_raw(concatenated(parts), src="de", tgt="en")
    if sources is None:
        sources = tuple(blob.source() for blob in blobs)
    return _corpus({"train": train, "valid": valid, "test": test}, sources)


def _from_tokenised(folder: Path) -> ParallelText:
    splits: dict[SplitName, Split] = {}
    sources = []
    for name in SPLITS:
        german, english = (find_blob(folder, f"{name}.{side}") for side in ("de", "en"))
        splits[name] = from_tokens(aligned(german, english), src="de", tgt="en")
        sources += [german.source(), english.source()]
    return _corpus(splits, tuple(sources))


def _corpus(splits: dict[SplitName, Split], sources: tuple[Source, ...]) -> ParallelText:
    n_train = len(splits["train"].raw)
    is_whole = n_train == N_TRAIN
    if not is_whole:
        log.warning(
            "train has %d of IWSLT'14's %d pairs: never compare its BLEU with published figures",
            n_train,
            N_TRAIN,
        )
    return ParallelText(
        name="iwslt14" if is_whole else "iwslt14-partial",
        src="de",
        tgt="en",
        splits=splits,
        licence=LICENCE,
        sources=sources,
    )


def concatenated(parts: Sequence[Pairs]) -> Pairs:
    """Pairs of all ``parts``, one after the other."""
    return Pairs(
        src=[line for part in parts for line in part.src],
        tgt=[line for part in parts for line in part.tgt],
    )
