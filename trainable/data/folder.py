"""Atomic creation of an output folder given by the user."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spaces.errors import UserError
from trainable.atomic import atomic_folder

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Temporary folder that becomes ``out`` when the block ends without an error.

    After an error it is removed, along with parents that were made for it.

    Raises:
        UserError: ``out`` is a file or not empty; the disk is full or not writable.
    """
    require_free(out)
    made = [parent for parent in out.parents if not parent.exists()]
    done = False
    try:
        with _disk_errors_are_the_users(out), atomic_folder(out) as building:
            yield building
        done = True
    finally:
        if not done:
            for parent in made:
                _remove_if_empty(parent)


def require_free(out: Path) -> None:
    """Check that ``out`` is absent or an empty folder.

    Raises:
        UserError: it is not.
    """
    if not out.name:
        raise UserError(f"--out {out}: names no folder; give a new one")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UserError(f"--out {out}: is not a folder; give a new folder")
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"--out {out}: is not empty; give a new folder, or remove it first")


@contextmanager
def _disk_errors_are_the_users(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            message = (
                f"--out {out}: the disk is full ({error.strerror}); free space or choose another"
            )
        elif error.errno in _TAKEN:
            message = f"--out {out}: was filled by someone else meanwhile; give a new folder"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
            message = f"--out {out}: cannot be written ({error.strerror}); choose another folder"
        else:
            raise
        raise UserError(message) from error


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
