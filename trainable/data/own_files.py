"""Files of a folder from someone else: plain ones, its own, and of a size to read."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from spaces.errors import UserError

MAX_TEXT_BYTES = 256 * 1024**2  # a manifest, dictionary or configuration is read whole


def require_own_files(
    folder: Path, names: Iterable[str], *, max_bytes: int | None = MAX_TEXT_BYTES
) -> None:
    """Refuse files of ``folder`` that lead elsewhere, never end or are too large.

    A link could have us read any file of the reader's, a pipe would hold us up for ever.
    A file that is missing is for its reader to tell.

    Raises:
        UserError: a file is a link, a pipe or a device, or larger than ``max_bytes``.
    """
    for name in names:
        path = folder / name
        try:
            found = path.lstat()
        except OSError:
            continue
        if not stat.S_ISREG(found.st_mode):
            raise UserError(f"{path}: is a link or no plain file; put the file itself there")
        if max_bytes is not None and found.st_size > max_bytes:
            raise UserError(
                f"{path}: has {found.st_size} bytes, over the limit of {max_bytes}; "
                "this is no file that we wrote"
            )
