"""Folder for files that this user's processes share on a machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from spaces.errors import UserError

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
