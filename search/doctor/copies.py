"""Copies of the files that a repair changes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trainable.atomic import atomic_file


@contextmanager
def copies_kept(files: Sequence[Path]) -> Iterator[None]:
    """Copy files before the block; copies of those that the block leaves as they were go again."""
    copies = {file: keep_copy(file) for file in files if file.exists()}
    try:
        yield
    finally:
        for file, copy in copies.items():
            if file.exists() and file.read_bytes() == copy.read_bytes():
                copy.unlink()


def keep_copy(file: Path) -> Path:
    """Copy ``file`` to ``NAME.before-mend-TIME`` beside it."""
    copy = _place(file)
    with atomic_file(copy) as building:
        shutil.copy2(file, building)
    return copy


def set_aside(file: Path) -> Path:
    """Rename ``file`` to ``NAME.before-mend-TIME``."""
    return file.rename(_place(file))


def _place(file: Path) -> Path:
    name = f"{file.name}.before-mend-{time.strftime('%Y%m%d-%H%M%S')}"
    places = [file.with_name(name), *(file.with_name(f"{name}-{n}") for n in range(2, 100))]
    return next(place for place in places if not place.exists())
