"""A folder for what this user's processes share on a machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from spaces.errors import UserError

_TMP = Path("/tmp")  # not TMPDIR: the path of a socket has at most 107 letters


def users_folder() -> Path:
    """A folder below /tmp that no other user can look into.

    Raises:
        UserError: someone else has it.
    """
    folder = _TMP / f"reservoir-search-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UserError(f"{folder}: belongs to someone else; have it removed, we work in it")
    folder.chmod(0o700)
    return folder
