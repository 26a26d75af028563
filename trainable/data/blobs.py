"""Bytes with the place they came from: what corpora are read out of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from spaces.errors import UserError
from trainable.data.manifest import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A file's bytes; ``place`` is how messages and the manifest name it."""

    place: str
    data: bytes

    def source(self) -> Source:
        """The entry for the manifest: place, checksum, size."""
        digest = hashlib.sha256(self.data).hexdigest()
        return Source(place=self.place, sha256=digest, n_bytes=len(self.data))


def read_blob(path: Path) -> Blob:
    """The file at ``path``; its place is the file's name, not this machine's path to it."""
    try:
        return Blob(place=path.name, data=path.read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path}: cannot be read ({reason}); give a readable file") from error


def find_path(folder: Path, name: str) -> Path | None:
    """The file ``name`` of ``folder``, plain or with .gz; None if there is neither."""
    for candidate in (folder / name, folder / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    return None


def find_blob(folder: Path, name: str) -> Blob:
    """The content of the file ``name`` of ``folder``, plain or with .gz."""
    path = find_path(folder, name)
    if path is None:
        raise UserError(f"{folder}: holds neither {name} nor {name}.gz; add the file")
    return read_blob(path)
