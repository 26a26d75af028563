"""Atomic writing of files and folders, also across a power failure.

A new file or folder is written beside its place under a temporary name, synced to the disk and
then renamed: a reader sees the old or the new one, never a part. A killed process leaves the
temporary one behind. Its name says whose it was, and the next write in that folder removes it.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trainable.processes import is_abandoned, name_of_ours

# Temporary names, and SQLite's files beside them; those of earlier versions contain neither the
# final name nor the process.
_TEMPORARY = re.compile(r"\.(.+\.)?building-\w+(-journal|-wal|-shm)?")
_NOT_SYNCABLE = (errno.EINVAL, errno.ENOTSUP)  # some network file systems cannot sync folders


def write_for_the_owner() -> None:
    """Let no other user change what this process writes from now on, whatever its umask is."""
    os.umask(os.umask(0o022) | 0o022)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace the file at ``path`` by ``content``.

    Raises:
        OSError: the file cannot be written; the old one stays as it was.
    """
    with atomic_file(path) as building:
        building.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Temporary path for a file that replaces ``path`` when the block ends without an error.

    After an error the temporary file is removed, and ``path`` stays as it was.
    """
    building = _temporary(path)
    try:
        yield building
        _sync(building)
        building.replace(path)
    except BaseException as error:
        building.unlink(missing_ok=True)
        _name_the_target(error, building, path)
        raise
    _sync_folder(path.parent)


@contextmanager
def atomic_folder(path: Path, *, replaces: bool = False) -> Iterator[Path]:
    """Temporary folder that becomes ``path`` when the block ends without an error.

    After an error the temporary folder is removed. Missing parents are made.

    Args:
        replaces: remove a folder at ``path`` when the new one is whole. A process that is
            killed between two renames then leaves no folder there, but never a mixture.

    Raises:
        OSError: ``path`` is a file, or a folder that holds something and is not to be
            replaced; it stays as it was.
    """
    _make_parents(path)
    building = _temporary(path)
    try:
        building.mkdir()
        yield building
        _sync_all(building)
        if replaces and path.is_dir():
            _replace_folder(path, building)
        else:
            building.rename(path)
    except BaseException as error:
        shutil.rmtree(building, ignore_errors=True)
        _name_the_target(error, building, path)
        raise
    _sync_folder(path.parent)


def _replace_folder(path: Path, building: Path) -> None:
    before = _temporary(path.with_name(f"{path.name}.before"))
    path.rename(before)
    try:
        building.rename(path)
    except BaseException:
        before.rename(path)
        raise
    shutil.rmtree(before, ignore_errors=True)


def append_line(path: Path, line: bytes) -> None:
    """Append ``line`` and a line end to the file at ``path``, which is made if absent.

    If a crash left the last line without its end, a line end is added first.

    Raises:
        OSError: the line cannot be written, as when the disk is full; the file is cut back to
            its old length.
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


def sync_files(files: Iterable[Path], *, below: Path) -> None:
    """Bring files to the disk that another process has written in the folder ``below``.

    The folders on their way are brought there too, and the entry of ``below`` itself.

    Raises:
        OSError: a file cannot be read or synced.
    """
    folders = {below.parent}
    for file in files:
        _sync(file)
        folders |= {folder for folder in file.parents if folder.is_relative_to(below)}
    for folder in sorted(folders, reverse=True):
        _sync_folder(folder)


def leftovers(folder: Path) -> list[Path]:
    """Unfinished files and folders in ``folder``, sorted by path."""
    return sorted(path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name))


def _name_the_target(error: BaseException, building: Path, path: Path) -> None:
    """Let an error of the disk name the path that the user knows, not the temporary one."""
    if isinstance(error, OSError) and str(error.filename) == str(building):
        error.filename = str(path)


def _temporary(path: Path) -> Path:
    _remove_abandoned(path.parent)
    return path.with_name(f".{path.name}.building-{name_of_ours()}")


def _remove_abandoned(folder: Path) -> None:
    """Remove the unfinished files and folders in ``folder`` that dead processes left."""
    with suppress(OSError):  # as when another process removes the same
        for path in leftovers(folder):
            if not is_abandoned(path.name):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


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
