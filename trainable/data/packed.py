"""Packed files: gzip, bzip2, xz and Zstandard, told by content and unpacked as they are read.

Unpacked data are read up to a limit, so that a small file cannot fill the memory or take hours.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, cast

import zstandard

from spaces.errors import UserError
from trainable.data.blobs import Blob
from trainable.data.manifest import Source

MAX_UNPACKED_BYTES = 2 * 1024**3  # of what is held in memory
MAX_STREAM_BYTES = 64 * 1024**3  # of what is read line by line
# A megabyte of an archive can unpack to a gigabyte; text packs to a third or a tenth.
MAX_RATIO = 100
UNRATED_BYTES = 16 * 2**20  # unpacked size up to which the ratio does not matter
MAX_WINDOW_BYTES = 2**27  # memory that xz or Zstandard may ask for; `xz -9` takes 65 MiB
CHUNK_BYTES = 2**20
_PACKED_BYTES = 256  # unpacked at once: 4 bytes of Zstandard can make 128 KiB
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    struct.error,
    EOFError,
    OSError,
    ValueError,  # raised for a malformed number in a header, or a name that is not UTF-8
    OverflowError,
    RuntimeError,  # raised for an encrypted zip member
    NotImplementedError,  # raised for a zip file of a later version
)


class Readable(Protocol):
    """Stream of bytes."""

    def read(self, n_bytes: int, /) -> bytes: ...


class _Decompressor(Protocol):
    """Decompressor of one stream of a file."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


_Make = Callable[[], _Decompressor]
_DECOMPRESSORS: dict[bytes, _Make] = {
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_WINDOW_BYTES),
    b"\x28\xb5\x2f\xfd": lambda: zstandard.ZstdDecompressor(
        max_window_size=MAX_WINDOW_BYTES
    ).decompressobj(),
}
_GZIP = b"\x1f\x8b"
_MAGIC_BYTES = 6  # of the longest


class Limited(io.RawIOBase):
    """Stream over another stream; reading past a limit of bytes is a UserError."""

    def __init__(self, stream: Readable, place: str, max_bytes: Callable[[], int]) -> None:
        self._stream, self._place, self._max_bytes = stream, place, max_bytes
        self._n_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(min(len(buffer), CHUNK_BYTES))
        self._n_bytes += len(data)
        if self._n_bytes > self._max_bytes():
            raise UserError(
                f"{self._place}: unpacks to more than {self._max_bytes()} bytes, the limit; "
                "no known corpus is that large, and no text packs a hundredfold"
            )
        buffer[: len(data)] = data
        return len(data)

    def read_all(self) -> bytes:
        """All that is left."""
        return b"".join(iter(lambda: self.read(CHUNK_BYTES) or b"", b""))


class _Unpacked(io.RawIOBase):
    """Content of compressed streams, one after the other, as they are in one file."""

    def __init__(self, file: Readable, make: _Make) -> None:
        self._file, self._make = file, make
        self._decompressor = make()
        self._packed, self._content = b"", memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._content and self._unpack_more():
            pass
        part = self._content[: len(buffer)]
        buffer[: len(part)] = part
        self._content = self._content[len(part) :]
        return len(part)

    def _unpack_more(self) -> bool:
        """Unpack a little; False at the end of the file."""
        packed = self._packed or self._file.read(_PACKED_BYTES)
        self._packed = b""
        if self._decompressor.eof:
            packed = packed.lstrip(b"\0")  # xz pads
            self._decompressor = self._make() if packed else self._decompressor
        elif not packed:
            raise EOFError("it ends too soon")
        if packed:
            self._content = memoryview(self._decompressor.decompress(packed))
            self._packed = self._decompressor.unused_data
        return bool(packed)


class SourceFile(io.RawIOBase):
    """File that is read once, from start to end, and its entry for the manifest."""

    def __init__(self, file: IO[bytes], place: str) -> None:
        self._file, self._place = file, place
        self._digest, self.n_bytes = hashlib.sha256(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        n_bytes = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self._digest.update(buffer[:n_bytes])
        self.n_bytes += n_bytes
        return int(n_bytes)

    def source(self) -> Source:
        """Place, SHA-256 and size, of the rest of the file too."""
        while self.read(CHUNK_BYTES):
            pass
        return Source(place=self._place, sha256=self._digest.hexdigest(), n_bytes=self.n_bytes)


def unpacked(blob: Blob, *, max_bytes: int = MAX_UNPACKED_BYTES) -> Blob:
    """Content of a packed file; any other blob unchanged.

    Raises:
        UserError: the file is broken or unpacks to more than ``max_bytes``.
    """
    with broken_is_an_error(blob.place):
        stream = _unpacking(io.BufferedReader(io.BytesIO(blob.data)))
        if stream is None:
            return blob
        limited = Limited(stream, blob.place, lambda: allowed(len(blob.data), max_bytes))
        return Blob(place=blob.place, data=limited.read_all())


def content_of(
    file: SourceFile, place: str, *, max_bytes: int = MAX_STREAM_BYTES
) -> io.BufferedReader[Any]:
    """Content of ``file``, unpacked as it is read; unpacking more than the limit is a UserError."""
    packed = io.BufferedReader(file, CHUNK_BYTES)
    stream = _unpacking(packed)
    if stream is None:
        return packed
    limited = Limited(stream, place, lambda: allowed(file.n_bytes, max_bytes))
    return io.BufferedReader(limited, CHUNK_BYTES)


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file at ``path`` for reading, unpacked as it is read if it is packed.

    Raises:
        UserError: it cannot be opened or is broken.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); give a readable file"
        ) from error
    with file, broken_is_an_error(str(path)):
        yield cast(IO[bytes], _unpacking(file) or file)


@contextmanager
def broken_is_an_error(place: str) -> Iterator[None]:
    """Turn what libraries raise for a broken archive into a UserError."""
    try:
        yield
    except _BROKEN as error:
        raise UserError(
            f"{place}: is a broken or cut-off archive ({error}); fetch it again"
        ) from error


def allowed(n_packed: int, max_bytes: int) -> int:
    """Limit of what ``n_packed`` bytes may unpack to: ``max_bytes``, or less by their number."""
    return min(max_bytes, max(UNRATED_BYTES, MAX_RATIO * n_packed))


def _unpacking(file: io.BufferedReader[Any]) -> io.BufferedReader[Any] | None:
    """Unpacked content of ``file``; None if it is not packed."""
    head = file.peek(_MAGIC_BYTES)[:_MAGIC_BYTES]
    if head.startswith(_GZIP):
        return io.BufferedReader(gzip.GzipFile(fileobj=file), CHUNK_BYTES)
    for magic, make in _DECOMPRESSORS.items():
        if head.startswith(magic):
            return io.BufferedReader(_Unpacked(file, make), CHUNK_BYTES)
    return None
