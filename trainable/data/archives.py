"""Reading of single members of gzip, zip and tar files, in memory.

Nothing is unpacked to disk, so a member's name cannot point outside a folder. Unpacked data are
read up to a limit, so that a small archive cannot fill the memory or take hours.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Protocol, cast

from spaces.errors import UserError
from trainable.data.blobs import Blob

MAX_MEMBER_BYTES = 2 * 1024**3
MAX_TAR_BYTES = 4 * 1024**3  # unpacked size of all members, skipped ones included
MAX_MEMBERS = 10_000
# A megabyte of an archive can unpack to a gigabyte; text packs to a third or a tenth.
MAX_RATIO = 100
UNRATED_BYTES = 16 * 2**20  # unpacked size up to which the ratio does not matter
_ZIP_ENTRY = b"PK\x01\x02"  # start of each entry in a zip file's directory
_CHUNK_BYTES = 2**20
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,  # raised for a malformed number in a header, or a name that is not UTF-8
    OverflowError,
    RuntimeError,  # raised for an encrypted zip member
    NotImplementedError,  # raised for a zip file of a later version
)


class _Readable(Protocol):
    def read(self, n_bytes: int, /) -> bytes: ...


class _Limited:
    """Stream over another stream; reading past a limit of bytes is a UserError."""

    def __init__(self, stream: _Readable, place: str, max_bytes: int) -> None:
        self._stream, self._place, self._max_bytes = stream, place, max_bytes
        self._n_bytes = 0

    def read(self, n_bytes: int, /) -> bytes:
        data = self._stream.read(min(n_bytes, _CHUNK_BYTES))
        self._n_bytes += len(data)
        if self._n_bytes > self._max_bytes:
            raise UserError(
                f"{self._place}: unpacks to more than {self._max_bytes} bytes, the limit; "
                "no known corpus is that large, and no text packs a hundredfold"
            )
        return data

    def read_all(self) -> bytes:
        return b"".join(iter(lambda: self.read(_CHUNK_BYTES), b""))


def gunzip(blob: Blob, *, max_bytes: int = MAX_MEMBER_BYTES) -> Blob:
    """Content of a gzip file; any other blob unchanged.

    Raises:
        UserError: the file is broken or unpacks to more than ``max_bytes``.
    """
    if not blob.place.endswith(".gz"):
        return blob
    with _broken_is_an_error(blob.place), gzip.open(io.BytesIO(blob.data)) as stream:
        return Blob(
            place=blob.place,
            data=_Limited(stream, blob.place, _allowed(blob, max_bytes)).read_all(),
        )


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file at ``path`` for reading, unpacked as it is read if its name ends in ``.gz``.

    Raises:
        UserError: it cannot be opened or is broken.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); give a readable file"
        ) from error
    is_packed = path.suffix == ".gz"
    with (
        file,
        _broken_is_an_error(str(path)),
        (gzip.open if is_packed else nullcontext)(file) as stream,
    ):
        yield cast(IO[bytes], stream)


def zip_member(blob: Blob, name: str, *, max_bytes: int = MAX_MEMBER_BYTES) -> Blob:
    """Member ``name`` of a zip file.

    Raises:
        UserError: the file is broken, has no such member or too many, or the member is larger
            than ``max_bytes``.
    """
    if blob.data.count(_ZIP_ENTRY) > MAX_MEMBERS:  # before zipfile makes an object of each
        raise UserError(f"{blob.place}: has over {MAX_MEMBERS} members; too many to trust")
    with _broken_is_an_error(blob.place), zipfile.ZipFile(io.BytesIO(blob.data)) as archive:
        if name not in archive.namelist():
            raise UserError(f"{blob.place}: has no member {name}; give the right archive")
        if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UserError(f"{blob.place}: {name} is packed in a way other than deflate")
        place = f"{blob.place}:{name}"
        with archive.open(name) as stream:
            limited = _Limited(stream, place, _allowed(blob, max_bytes))
            return Blob(place=place, data=limited.read_all())


def tar_members(
    blob: Blob,
    names: Collection[str],
    *,
    max_bytes: int = MAX_MEMBER_BYTES,
    max_tar_bytes: int = MAX_TAR_BYTES,
) -> dict[str, Blob]:
    """Regular files of a tar file (plain or gzip) whose base name is in ``names``, by that name.

    Raises:
        UserError: the file is broken, has too many members, or unpacks to more than a limit.
    """
    members: dict[str, Blob] = {}
    is_zipped = blob.data.startswith(b"\x1f\x8b")
    with (
        _broken_is_an_error(blob.place),
        (gzip.open if is_zipped else _as_it_is)(io.BytesIO(blob.data)) as stream,
        # Mode "r|": tarfile reads the archive once, from start to end.
        tarfile.open(
            fileobj=_limited(stream, blob.place, _allowed(blob, max_tar_bytes)), mode="r|"
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
                members[name] = Blob(place=place, data=_Limited(file, place, max_bytes).read_all())
    return members


def _allowed(blob: Blob, max_bytes: int) -> int:
    """Limit of what ``blob`` may unpack to: ``max_bytes``, or less by its own size."""
    return min(max_bytes, max(UNRATED_BYTES, MAX_RATIO * len(blob.data)))


def _limited(stream: _Readable, place: str, max_bytes: int) -> IO[bytes]:
    """Limited stream, typed as the binary file that tarfile expects."""
    return cast(IO[bytes], _Limited(stream, place, max_bytes))


def _as_it_is(stream: io.BytesIO) -> io.BytesIO:
    return stream


@contextmanager
def _broken_is_an_error(place: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise UserError(
            f"{place}: is a broken or cut-off archive ({error}); fetch it again"
        ) from error
