"""Blobs: the contents of files, with their origin, from which corpora are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from spaces.errors import UserError
from trainable.data.manifest import Source
from trainable.digests import file_sha256

PACKED_ENDINGS = ("", ".gz", ".bz2", ".xz", ".zst")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Content of a file; ``place`` is its name in messages and in the manifest."""

    place: str
    data: bytes

    def source(self) -> Source:
        """Entry for the manifest: place, SHA-256, size in bytes."""
        digest = hashlib.sha256(self.data).hexdigest()
        return Source(place=self.place, sha256=digest, n_bytes=len(self.data))


def file_source(path: Path) -> Source:
    """Entry for the manifest of a file that is not held in memory."""
    return Source(place=path.name, sha256=file_sha256(path), n_bytes=path.stat().st_size)


def read_blob(path: Path) -> Blob:
    """Content of the file at ``path``; its place is the file's name without the folder.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        return Blob(place=path.name, data=path.read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path}: cannot be read ({reason}); give a readable file") from error


def find_path(folder: Path, name: str) -> Path | None:
    """Path of the file ``name`` in ``folder``, plain or packed; None if there is none."""
    candidates = (folder / f"{name}{ending}" for ending in PACKED_ENDINGS)
    return next((path for path in candidates if path.is_file()), None)


def find_blob(folder: Path, name: str) -> Blob:
    """Content of the file ``name`` in ``folder``, plain or packed; it is not unpacked here.

    Raises:
        UserError: there is none, or the file cannot be read.
    """
    path = find_path(folder, name)
    if path is None:
        raise UserError(f"{folder}: holds neither {name} nor {name}.gz; add the file")
    return read_blob(path)
