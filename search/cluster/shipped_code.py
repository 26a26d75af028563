"""Copy of our packages for a cluster's machines, which may have none or another version."""

from __future__ import annotations

import shutil
from pathlib import Path

import search
import spaces
import trainable


def copy_code(folder: Path) -> None:
    """Copy the packages that this process runs into ``folder``."""
    for package in (search, trainable, spaces):
        source = Path(package.__path__[0])
        shutil.copytree(
            source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
