"""Folder for files that this user's processes share on a machine."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spaces.errors import UserError
from trainable.processes import is_abandoned, name_of_ours

_TMP = Path("/tmp")  # instead of TMPDIR, since a socket's path has at most 107 characters


def users_folder() -> Path:
    """Private folder of this user below /tmp, made if absent.

    Raises:
        UserError: the folder belongs to another user.
    """
    folder = _TMP / f"reservoir-search-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UserError(f"{folder}: belongs to another user; have it removed, it is needed here")
    folder.chmod(0o700)
    return folder


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Private folder that is removed at the context's end.

    Those of processes that were killed before it are removed too.

    Raises:
        UserError: this user's folder belongs to another user.
    """
    parent = users_folder()
    for left in parent.glob("scratch-*"):
        if is_abandoned(left.name):
            shutil.rmtree(left, ignore_errors=True)
    folder = parent / f"scratch-{name_of_ours()}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
