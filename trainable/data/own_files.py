"""Checks of files in a folder of unknown origin, before they are read."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from spaces.errors import UserError

# Limit for dictionaries, BPE codes and configurations; a million merges have 12 MB, and take a
# hundred times that in memory.
MAX_TEXT_BYTES = 8 * 2**20


def require_own_files(
    folder: Path, names: Iterable[str], *, max_bytes: int | None = MAX_TEXT_BYTES
) -> None:
    """Check that files of ``folder`` are plain files and not too large.

    A link could point to any file of the user's, and reading a pipe could block for ever.
    Missing files are ignored here; their readers report them.

    Raises:
        UserError: a file is a link, a pipe or a device, or larger than ``max_bytes``, or a
            folder that it is in below ``folder`` is a link.
    """
    names = list(names)
    for place in sorted({place for name in names for place in Path(name).parents} - {Path()}):
        if (folder / place).is_symlink():
            raise UserError(f"{folder / place}: is a link; put the folder itself there")
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
