"""Files and folders that are on the disk whole or not at all, also after a power failure.

A new file or folder is made beside its place under a temporary name, brought to the disk
and then renamed: a reader sees the old one or the new one, never a half. A process that is
killed leaves the temporary one behind, which ``leftovers`` recognises.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The name of what is not whole yet; earlier versions left the name of the whole out.
_TEMPORARY = re.compile(r"\.(.+\.)?building-\w+")
_NOT_SYNCABLE = (errno.EINVAL, errno.ENOTSUP)  # a folder, to some network file systems


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace the file at ``path`` by ``content``."""
    with atomic_file(path) as building:
        building.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; what it holds replaces ``path`` if the block ends well.

    Otherwise it vanishes, and ``path`` stays as it was.
    """
    building = _temporary(path)
    try:
        yield building
        _sync(building)
        building.replace(path)
    except BaseException:
        building.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A new folder beside ``path`` to write into; it becomes ``path`` if the block ends well.

    Otherwise it vanishes. Missing parents are made.

    Raises:
        OSError: ``path`` is a file or a folder that holds something; it stays as it was.
    """
    _make_parents(path)
    building = _temporary(path)
    try:
        building.mkdir()
        yield building
        _sync_all(building)
        building.rename(path)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    _sync_folder(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Add ``line`` and a line end to the file at ``path``, which is made if absent.

    A last line that a crash cut short is ended first, so that ``line`` stands alone.

    Raises:
        OSError: the disk is full; the part that was written is taken back.
    """
    is_new = not path.exists()
    with path.open("a+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        rest = line + b"\n"
        if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
            rest = b"\n" + rest
        try:
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise
    if is_new:
        _sync_folder(path.parent)


def leftovers(folder: Path) -> list[Path]:
    """The files and folders in ``folder`` that were never finished."""
    return sorted(path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name))


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.building-{secrets.token_hex(4)}")


def _make_parents(path: Path) -> None:
    for parent in reversed([parent for parent in path.parents if not parent.exists()]):
        parent.mkdir(exist_ok=True)
        _sync_folder(parent.parent)


def _sync_all(folder: Path) -> None:
    for place, _, names in os.walk(folder, topdown=False):
        for path in (Path(place, name) for name in names):
            if not path.is_symlink():
                _sync(path)
        _sync_folder(Path(place))


def _sync_folder(folder: Path) -> None:
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in _NOT_SYNCABLE:
            raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
