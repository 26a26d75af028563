"""Large inputs, some of which took 20 GB or minutes of a reader without limits."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import zstandard

from tests.fuzz import inputs

Makers = Sequence[Callable[[], Any]]

MIB = 2**20


def _many(item: bytes, n_bytes: int, *, key: bytes = b"curve") -> bytes:
    """A JSON object with one list, of ``n_bytes`` altogether."""
    return b'{"' + key + b'": [' + item * ((n_bytes - 20) // len(item)) + b"0]}"


def _long_table(n_bytes: int) -> bytes:
    """A table of ``n_bytes`` with one trial again and again."""
    header, trial = inputs.table_lines()[:2]
    return b"\n".join([header, *[trial] * (n_bytes // len(trial))])


def _long_curve(n_bytes: int) -> bytes:
    """A record with as many validations as go into a line."""
    record = inputs.record()
    point = json.dumps(record["curve"][0])
    record["curve"] *= n_bytes // (len(point) + 2)
    return json.dumps(record).encode()


def _zipped(content: bytes, *names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("deu.txt",):
            archive.writestr(name, content)
    return stream.getvalue()


def _tarred(name: str, content: bytes, comment: str = "") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size, member.pax_headers = len(content), {"comment": comment}
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


LAYOUTS: Makers = (
    lambda: "L" * MIB,
    lambda: "(" * MIB,
    lambda: "((((L)*99)*99)*99)*99",
    lambda: "L" + "1" * MIB,
)
STUDIES: Makers = (  # TOML
    lambda: b"a = [" + b"[]," * (MIB // 4) + b"]",
    lambda: b"a." * (MIB // 4) + b"a = 1",
    lambda: b"\n".join(b"k%d = 1" % number for number in range(60_000)),
    lambda: b"[search]\nfirst = [" + b'"L",' * (MIB // 5) + b"]",
    lambda: b"#" * 64 * MIB,
)
SETTINGS: Makers = (
    lambda: "a." * 50_000 + "a=1",
    lambda: "search.first=[" + "[]," * 30_000 + "]",
)
JSON: Makers = (
    lambda: _many(b'"",', MIB),
    lambda: _many(b"[],", MIB),
    lambda: _many(b"{},", MIB),
    lambda: _many(b"{},", MIB, key=b"sources"),
    lambda: _many(b"[" * 64, MIB),
    lambda: _many(b"{},", 64 * MIB),
    lambda: _long_curve(2 * MIB - 9999),
)
TABLES: Makers = (
    lambda: ("t.jsonl.gz", gzip.compress(b"\n" * 256 * MIB, 1)),
    lambda: ("t.jsonl.gz", gzip.compress(b"[" * 256 * MIB, 1)),
    lambda: ("t.jsonl.gz", gzip.compress(_long_table(32 * MIB), 1)),
    lambda: ("t.jsonl.gz", gzip.compress(b"\n".join([inputs.table_lines()[0], b" "]), 1)),
    lambda: ("t.jsonl", b"\n".join([inputs.table_lines()[0], _many(b'"",', MIB)])),
)
ARCHIVES: Makers = (
    lambda: ("a.gz", gzip.compress(bytes(64 * MIB), 1)),
    lambda: ("a.zip", _zipped(b"\n" * 64 * MIB)),
    lambda: ("a.tgz", _tarred("train.de", b"a\n" * 32 * MIB)),
    lambda: ("a.tgz", _tarred("train.de", b"", comment="a" * 64 * MIB)),
)
TEXTS: Makers = (
    lambda: gzip.compress(b"\n" * 256 * MIB, 1),
    lambda: gzip.compress(b"ab\n" * 5 * MIB, 1),
    lambda: gzip.compress(b"ab " * 5 * MIB, 1),
    lambda: b"a" * 32 * MIB,
)
PAIRS: Makers = (
    lambda: bz2.compress(b"a\tb\n" * 64 * MIB),
    lambda: lzma.compress(b"a" * 256 * MIB, preset=0),
    lambda: zstandard.ZstdCompressor().compress(b"\t" * 256 * MIB),
    lambda: _zipped(b"a\n" * 64 * MIB, "X.de-en.de", "X.de-en.en"),
    lambda: b"<tmx>" * 8 * MIB,
    lambda: b"<tmx a='" + b"a" * 64 * MIB,
    lambda: b'<tmx><tu><tuv xml:lang="de"><seg>' + b"<ph/>a" * 4 * MIB,
    lambda: b"<dataset><doc><src lang='de'>" + b"<seg id='1'>" + b"a" * 64 * MIB,
    lambda: b"<srcset>\n<seg>" + b"a\n" * 16 * MIB,
    lambda: b"<!DOCTYPE tmx [<!ENTITY a '" + b"a" * 999 + b"'>]><tmx>" + b"&a;" * MIB,
)
DATA: Makers = (
    lambda: ("valid.raw.de", b"\n" * 64 * MIB),
    lambda: ("dict.de.txt", b"".join(b"%x 1\n" % number for number in range(900_000))),
    lambda: ("dict.de.txt", b"a" * 9 * MIB),
    lambda: ("bpe.codes", b"#version: 0.2\n" + b"\n" * 7 * MIB),
    lambda: (
        "bpe.codes",
        b"#version: 0.2\n" + b"".join(b"%x a\n" % number for number in range(900_000)),
    ),
    lambda: ("manifest.json", _many(b'"",', MIB, key=b"sources")),
)
EXPORTS: Makers = (
    lambda: ("config.json", _many(b'"",', MIB, key=b"model")),
    lambda: ("config.json", b" " * 9 * MIB),
    *DATA[1:5],
)
SENTENCES: Makers = (
    lambda: b"Der Hund.\n" * 31 + b"Hund " * 3000 + b"\n" + b"Der Hund.\n" * 32,
    lambda: b"Der Hund.\n" + b"Hund" * 5000 + b"\nDer Hund.\n",
    lambda: b"Hund " * 4 * MIB,
    lambda: b"Hund " * 1000 + b"\n" + (b"Hund " * 900 + b"\n") * 9,
)
