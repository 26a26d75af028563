"""A disk that forgets at a power cut whatever was not synced."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest


class SyncedDisk:
    """Notes what this process syncs in ``root``: contents of files, names in folders."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._root = root.resolve()
        self._contents: dict[int, bytes] = {}  # by inode, as a renamed file stays itself
        self._names: dict[Path, dict[str, int]] = {}
        fsync = os.fsync

        def noted(descriptor: int) -> None:
            fsync(descriptor)
            self._note(descriptor)

        monkeypatch.setattr(os, "fsync", noted)

    def after_a_power_cut(self, target: Path) -> Path:
        """What is left of the root, in the new folder ``target``; unsynced files are empty."""
        self._restore(self._root, target)
        return target

    def _note(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            self._names[path] = {entry.name: entry.inode() for entry in os.scandir(path)}
        else:
            self._contents[found.st_ino] = path.read_bytes()

    def _restore(self, folder: Path, target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name, inode in self._names.get(folder, {}).items():
            if (folder / name).is_dir():
                self._restore(folder / name, target / name)
            else:
                (target / name).write_bytes(self._contents.get(inode, b""))
