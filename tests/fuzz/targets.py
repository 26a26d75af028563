"""What is fuzzed: readers of what comes from others, each with inputs that are nearly right."""

from __future__ import annotations

import copy
import gzip
import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from search.exports.layout_file import read_layout_toml
from search.exports.translate import Translator, sentences_of
from search.replay.recorded_studies import open_table
from search.study.config import load_study, put_setting, study_from
from search.study.ledger import read_records
from spaces.errors import UserError
from spaces.kinds import LAYER_KINDS
from spaces.layout import Layout
from tests.fuzz import inputs, large
from tests.fuzz.mutations import (
    TOKENS,
    VALUES,
    changed_bytes,
    changed_json,
    changed_values,
)
from trainable.data.archives import tar_members, zip_member
from trainable.data.blobs import Blob
from trainable.data.lines import lines_of
from trainable.data.manifest import Manifest
from trainable.data.packed import unpacked
from trainable.data.pair_files import PairReader
from trainable.data.tokenizer import Tokenizer
from trainable.tasks.registry import load_task

NAMES = [
    *("layout", "study", "study-values", "set", "layout-file", "trials", "table"),
    *("manifest", "archive", "text", "pairs", "data", "export", "sentences"),
]
LIMIT = 10**6  # of what an archive unpacks to, so that the limits are met


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A reader, and the inputs to try it with."""

    inputs: st.SearchStrategy[Any]
    read: Callable[[Any], object]
    large: Sequence[Callable[[], Any]] = ()  # makers of inputs that once filled the memory


def targets(folder: Path) -> dict[str, Target]:
    """All targets by name; what they need on disk is made in ``folder``."""
    data = inputs.make_data(folder)
    export = inputs.make_export(data, folder)
    return {
        "layout": Target(inputs=_layouts(), read=_layout, large=large.LAYOUTS),
        "study": Target(
            inputs=changed_bytes([inputs.STUDY_TEXT]), read=_study(folder), large=large.STUDIES
        ),
        "study-values": Target(inputs=changed_values(inputs.STUDY), read=_study_values),
        "set": Target(inputs=_overrides(), read=_set, large=large.SETTINGS),
        "layout-file": Target(
            inputs=changed_bytes([inputs.layout_file(export)]),
            read=_layout_file(folder),
            large=large.STUDIES,
        ),
        "trials": Target(
            inputs=changed_json(inputs.record()), read=_trials(folder), large=large.JSON
        ),
        "table": Target(inputs=_tables(), read=_table(folder), large=large.TABLES),
        "manifest": Target(inputs=_manifests(data), read=_manifest(folder), large=large.JSON),
        "archive": Target(inputs=_archives(), read=_archive, large=large.ARCHIVES),
        "text": Target(
            inputs=changed_bytes([b"Hallo!\nDer Hund.\n"]), read=_text, large=large.TEXTS
        ),
        "pairs": Target(
            inputs=changed_bytes(inputs.pair_files()), read=_pairs(folder), large=large.PAIRS
        ),
        "data": Target(
            inputs=_changed_file(data),
            read=_with_changed(data, folder / "changed-data", _data),
            large=large.DATA,
        ),
        "export": Target(
            inputs=_changed_file(export),
            read=_with_changed(export, folder / "changed-export", _export),
            large=large.EXPORTS,
        ),
        "sentences": Target(
            inputs=changed_bytes([b"Hallo!\n\nDer Hund.\r\n"]),
            read=_sentences(Translator(export)),
            large=large.SENTENCES,
        ),
    }


def _layouts() -> st.SearchStrategy[str]:
    right = st.sampled_from(
        ["L", "R", "F", "G7", "C", "L1", "La1", "Rf2", "Lw1", "(R1L)*2", "((RL)*2L)*3"]
    )
    words = st.one_of(right, st.sampled_from([*LAYER_KINDS, *"afw()*0123456789X ", "+r", *TOKENS]))
    lists = st.one_of(st.lists(right, max_size=20), st.lists(words, max_size=40))
    return st.one_of(st.text(), lists.map("".join))


def _layout(text: str) -> None:
    layout = Layout.parse(text)
    assert Layout.parse(str(layout)) == layout
    assert layout.canonical().canonical() == layout.canonical()


def _study(folder: Path) -> Callable[[bytes], object]:
    path = folder / "study.toml"

    def read(text: bytes) -> object:
        path.write_bytes(text)
        return load_study(path)

    return read


def _study_values(values: dict[str, Any]) -> object:
    return study_from(values, "fuzzed")


def _overrides() -> st.SearchStrategy[str]:
    keys = st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            [
                f"{table}.{name}"
                for table, values in inputs.STUDY.items()
                if isinstance(values, dict)
                for name in values
            ]
            + ["seed", "name", "a." * 3000 + "a", "space.hyper.train.lr.low"]
        ),
    )
    values = st.one_of(
        st.sampled_from(
            ["1", "2", "0.5", '"LL"', "[2]", "none", '"random"', "{low = 1, high = 2}"]
        ),
        st.text(max_size=20),
        st.sampled_from(TOKENS),
        VALUES.map(repr_of),
    )
    return st.one_of(st.text(), st.builds(lambda key, value: f"{key}={value}", keys, values))


def repr_of(value: object) -> str:
    """As one would type it."""
    try:
        return str(value)
    except ValueError:  # an integer of too many digits
        return "9" * 5000


def _set(override: str) -> object:
    values = copy.deepcopy(inputs.STUDY)
    put_setting(values, override)
    return study_from(values, "fuzzed")


def _trials(folder: Path) -> Callable[[bytes], object]:
    path = folder / "trials.jsonl"

    def read(line: bytes) -> None:
        path.write_bytes(line + b"\n")
        for record in read_records(path).values():
            record.summary()
            record.to_dict()

    return read


def _tables() -> st.SearchStrategy[tuple[str, bytes]]:
    lines = inputs.table_lines()
    whole = b"\n".join(lines)

    def with_line(number: int) -> st.SearchStrategy[bytes]:
        changed = changed_json(json.loads(lines[number]))
        return changed.map(lambda line: b"\n".join([*lines[:number], line, *lines[number + 1 :]]))

    return st.one_of(
        st.tuples(
            st.just("t.jsonl"), st.one_of(with_line(0), with_line(1), changed_bytes([whole]))
        ),
        st.tuples(st.just("t.jsonl.gz"), changed_bytes([gzip.compress(whole)])),
    )


def _table(folder: Path) -> Callable[[tuple[str, bytes]], object]:
    def read(named: tuple[str, bytes]) -> object:
        path = folder / named[0]
        path.write_bytes(named[1])
        return open_table(str(path)).by_key

    return read


def _manifests(data: Path) -> st.SearchStrategy[bytes]:
    return changed_json(json.loads((data / "manifest.json").read_bytes()))


def _manifest(folder: Path) -> Callable[[bytes], object]:
    place = folder / "manifest"
    place.mkdir()

    def read(text: bytes) -> object:
        (place / "manifest.json").write_bytes(text)
        manifest = Manifest.load(place)
        assert all("/" not in name for name in manifest.file_names())
        return manifest

    return read


def _layout_file(folder: Path) -> Callable[[bytes], object]:
    path = folder / "layout.toml"

    def read(text: bytes) -> object:
        path.write_bytes(text)
        return read_layout_toml(path)

    return read


def _text(content: bytes) -> object:
    is_packed = content.startswith(b"\x1f\x8b")
    return lines_of(Blob(place="a.gz" if is_packed else "a", data=content))


def _pairs(folder: Path) -> Callable[[bytes], object]:
    path = folder / "pairs"

    def read(content: bytes) -> object:
        path.write_bytes(content)
        reader = PairReader(src="de", tgt="en")
        try:
            return sum(1 for _ in reader.pairs(path))
        except UserError:
            return sum(1 for _ in reader.pairs((path, path)))

    return read


def _sentences(translator: Translator) -> Callable[[bytes], None]:
    def translate(content: bytes) -> None:
        text = content.decode(errors="replace")
        n_lines = text.count("\n") + bool(text and not text.endswith("\n"))
        lines = io.StringIO(text, newline="\n")
        assert len(list(translator.translate(sentences_of(lines), beam=1))) == n_lines

    return translate


def _archives() -> st.SearchStrategy[tuple[str, bytes]]:
    wholes = inputs.archives()
    # Inside a gzip file a change meets its checksum first; packed again, it meets tarfile.
    packed = changed_bytes([wholes["a.tar"]]).map(lambda tar: ("a.tgz", gzip.compress(tar, 1)))
    return st.one_of(
        packed,
        *(st.tuples(st.just(name), changed_bytes([data])) for name, data in wholes.items()),
    )


def _archive(named: tuple[str, bytes]) -> object:
    name, data = named
    blob = Blob(place=name, data=data)
    match name.rpartition(".")[2]:
        case "gz":
            return lines_of(Blob(place="a", data=unpacked(blob, max_bytes=LIMIT).data))
        case "zip":
            return zip_member(blob, "deu.txt", max_bytes=LIMIT)
        case _:
            return tar_members(blob, ["train.de"], max_bytes=LIMIT, max_tar_bytes=LIMIT)


def _changed_file(folder: Path) -> st.SearchStrategy[tuple[str, bytes]]:
    """The name of a file of ``folder``, and something else to put in its place."""

    def changed(path: Path) -> st.SearchStrategy[tuple[str, bytes]]:
        whole = path.read_bytes()
        if path.suffix == ".json":
            return st.tuples(st.just(path.name), changed_json(json.loads(whole)))
        return st.tuples(st.just(path.name), changed_bytes([whole]))

    return st.one_of(*(changed(path) for path in sorted(folder.iterdir())))


def _with_changed(
    whole: Path, place: Path, read: Callable[[Path], object]
) -> Callable[[tuple[str, bytes]], object]:
    """Read a copy of the folder ``whole``, in which one file is another."""
    shutil.copytree(whole, place)

    def read_changed(named: tuple[str, bytes]) -> object:
        name, content = named
        (place / name).write_bytes(content)
        try:
            return read(place)
        finally:
            (place / name).write_bytes((whole / name).read_bytes())

    return read_changed


def _data(folder: Path) -> None:
    load_task.cache_clear()
    corpus = load_task(str(folder)).corpus
    Tokenizer.load(folder, "src")
    for split in ("train", "valid"):
        collate = corpus.collator(split)
        collate(collate._src.sizes.argsort()[:8])
    for side in (corpus.manifest.src, corpus.manifest.tgt):
        corpus.raw("valid", side)


def _export(folder: Path) -> None:
    translator = Translator(folder)
    list(translator.translate(["Der Hund schläft."], beam=1))
