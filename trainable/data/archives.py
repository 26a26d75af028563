"""Reading of single members of zip and tar files.

Nothing is unpacked to disk, so a member's name cannot point outside a folder. Unpacked data are
read up to a limit, so that a small archive cannot fill the memory or take hours.
"""

from __future__ import annotations

import gzip
import io
import mmap
import re
import tarfile
import zipfile
from collections.abc import Container, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, cast

from spaces.errors import UserError
from trainable.data.blobs import Blob
from trainable.data.packed import (
    CHUNK_BYTES,
    MAX_STREAM_BYTES,
    MAX_UNPACKED_BYTES,
    Limited,
    Readable,
    allowed,
    broken_is_an_error,
)

MAX_TAR_BYTES = 4 * 1024**3  # unpacked size of all members, skipped ones included
MAX_MEMBERS = 10_000
_ZIP_ENTRY = re.compile(b"PK\x01\x02")  # start of each entry in a zip file's directory


def zip_member(blob: Blob, name: str, *, max_bytes: int = MAX_UNPACKED_BYTES) -> Blob:
    """Member ``name`` of a zip file.

    Raises:
        UserError: the file is broken, has no such member or too many, or the member is larger
            than ``max_bytes``.
    """
    _require_few_members(blob.data, blob.place)
    with broken_is_an_error(blob.place), zipfile.ZipFile(io.BytesIO(blob.data)) as archive:
        if name not in archive.namelist():
            raise UserError(f"{blob.place}: has no member {name}; give the right archive")
        with _member(archive, name, blob.place, allowed(len(blob.data), max_bytes)) as limited:
            return Blob(place=f"{blob.place}:{name}", data=limited.read_all())


@contextmanager
def zip_file(path: Path) -> Iterator[zipfile.ZipFile]:
    """The zip file at ``path``.

    Raises:
        UserError: it is broken, or has too many members.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        _require_few_members(content, path.name)
    with broken_is_an_error(path.name), zipfile.ZipFile(path) as archive:
        yield archive


@contextmanager
def member_stream(
    archive: zipfile.ZipFile, name: str, place: str, *, max_bytes: int = MAX_STREAM_BYTES
) -> Iterator[io.BufferedReader]:
    """Content of a member of ``archive``, unpacked as it is read.

    Raises:
        UserError: it is broken, or unpacks to more than a limit.
    """
    # A header can claim any size.
    n_packed = min(archive.getinfo(name).compress_size, Path(str(archive.filename)).stat().st_size)
    with _member(archive, name, place, allowed(n_packed, max_bytes)) as limited:
        yield io.BufferedReader(limited, CHUNK_BYTES)


@contextmanager
def _member(archive: zipfile.ZipFile, name: str, place: str, max_bytes: int) -> Iterator[Limited]:
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(f"{place}: {name} is packed in a way other than deflate")
    with archive.open(name) as stream:
        yield Limited(stream, f"{place}:{name}", lambda: max_bytes)


def _require_few_members(content: bytes | mmap.mmap, place: str) -> None:
    """Check the number of members before zipfile makes an object of each."""
    if len(list(islice(_ZIP_ENTRY.finditer(content), MAX_MEMBERS + 1))) > MAX_MEMBERS:
        raise UserError(f"{place}: has over {MAX_MEMBERS} members; too many to trust")


def tar_members(
    blob: Blob,
    names: Container[str],
    *,
    max_bytes: int = MAX_UNPACKED_BYTES,
    max_tar_bytes: int = MAX_TAR_BYTES,
) -> dict[str, Blob]:
    """Regular files of a tar file (plain or gzip) whose base name is in ``names``, by that name.

    Raises:
        UserError: the file is broken, has too many members, or unpacks to more than a limit.
    """
    members: dict[str, Blob] = {}
    is_zipped = blob.data.startswith(b"\x1f\x8b")
    with (
        broken_is_an_error(blob.place),
        (gzip.open if is_zipped else _as_it_is)(io.BytesIO(blob.data)) as stream,
        # Mode "r|": tarfile reads the archive once, from start to end.
        tarfile.open(
            fileobj=_limited(stream, blob.place, allowed(len(blob.data), max_tar_bytes)), mode="r|"
        ) as archive,
    ):
        for n_seen, member in enumerate(archive):
            if n_seen >= MAX_MEMBERS:
                raise UserError(f"{blob.place}: has over {MAX_MEMBERS} members; too many to trust")
            name = member.name.rpartition("/")[2]
            # A sparse file can claim any size without data in the archive.
            is_file = member.isreg() and not member.issparse()
            file = archive.extractfile(member) if is_file and name in names else None
            if file is not None:
                place = f"{blob.place}:{name}"
                limited = Limited(file, place, lambda: max_bytes)
                members[name] = Blob(place=place, data=limited.read_all())
    return members


def _limited(stream: Readable, place: str, max_bytes: int) -> IO[bytes]:
    """Limited stream, typed as the binary file that tarfile expects."""
    return cast(IO[bytes], Limited(stream, place, lambda: max_bytes))


def _as_it_is(stream: io.BytesIO) -> io.BytesIO:
    return stream
