"""Single members out of gzip, zip and tar files, in memory.

Nothing is unpacked to disk, so a member's name can't lead anywhere; and every member is
read up to a limit, so a small archive can't fill the memory.
"""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Protocol

from spaces.errors import UserError
from trainable.data.blobs import Blob

MAX_MEMBER_BYTES = 2 * 1024**3
MAX_MEMBERS = 10_000
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # an encrypted zip member
    NotImplementedError,  # an unknown zip compression
)


class _Readable(Protocol):
    def read(self, n_bytes: int, /) -> bytes: ...


def gunzip(blob: Blob, *, max_bytes: int = MAX_MEMBER_BYTES) -> Blob:
    """The content of a gzip file; any other blob as it is."""
    if not blob.place.endswith(".gz"):
        return blob
    with _broken_is_an_error(blob), gzip.open(io.BytesIO(blob.data)) as stream:
        return Blob(place=blob.place, data=_read(stream, blob.place, max_bytes))


def zip_member(blob: Blob, name: str, *, max_bytes: int = MAX_MEMBER_BYTES) -> Blob:
    """Member ``name`` of a zip file."""
    with _broken_is_an_error(blob), zipfile.ZipFile(io.BytesIO(blob.data)) as archive:
        if name not in archive.namelist():
            raise UserError(f"{blob.place}: has no member {name}; give the right archive")
        place = f"{blob.place}:{name}"
        with archive.open(name) as stream:
            return Blob(place=place, data=_read(stream, place, max_bytes))


def tar_members(
    blob: Blob, names: Collection[str], *, max_bytes: int = MAX_MEMBER_BYTES
) -> dict[str, Blob]:
    """The regular files of a tar file (compressed or not) whose base name is in ``names``."""
    members: dict[str, Blob] = {}
    with _broken_is_an_error(blob), tarfile.open(fileobj=io.BytesIO(blob.data)) as archive:
        for n_seen, member in enumerate(archive):
            if n_seen >= MAX_MEMBERS:
                raise UserError(f"{blob.place}: has over {MAX_MEMBERS} members; too many to trust")
            name = member.name.rpartition("/")[2]
            stream = archive.extractfile(member) if member.isreg() and name in names else None
            if stream is not None:
                place = f"{blob.place}:{name}"
                members[name] = Blob(place=place, data=_read(stream, place, max_bytes))
    return members


def _read(stream: _Readable, place: str, max_bytes: int) -> bytes:
    data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise UserError(f"{place}: unpacks to more than {max_bytes} bytes, the limit for a member")
    return data


@contextmanager
def _broken_is_an_error(blob: Blob) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise UserError(
            f"{blob.place}: is a broken or cut-off archive ({error}); fetch it again"
        ) from error
