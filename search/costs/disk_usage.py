"""The disk that a study uses now."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from search.costs.units import human_bytes
from search.study.folder import StudyFolder
from search.study.storage import study_storage


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskUsage:
    """Bytes of a study's files, by purpose."""

    checkpoints: int | None  # None if the storage cannot be reached
    checkpoints_at: str | None  # URI of the storage; None for the study's folder
    mlflow: int  # files in the study's folder; those of a server are not counted
    rest: int  # records, exports, full trainings

    def __str__(self) -> str:
        stored = "of unknown size" if self.checkpoints is None else human_bytes(self.checkpoints)
        place = "" if self.checkpoints_at is None else f" in {self.checkpoints_at}"
        total = human_bytes((self.checkpoints or 0) + self.mlflow + self.rest)
        return (
            f"on disk: {total}: checkpoints {stored}{place}, MLflow {human_bytes(self.mlflow)}, "
            f"records and exports {human_bytes(self.rest)}"
        )


def disk_usage(folder: StudyFolder) -> DiskUsage:
    """Bytes that the study's files take now."""
    storage = study_storage(folder)
    is_inside = folder.config().storage.uri is None
    checkpoints: int | None = None
    with contextlib.suppress(OSError):  # the other numbers are shown even then
        checkpoints = sum(info.size or 0 for _, info in storage.everything())
    inside = (checkpoints or 0) if is_inside else 0
    mlflow = _size(folder.mlflow_artifacts) + _size(folder.mlflow_database)
    return DiskUsage(
        checkpoints=checkpoints,
        checkpoints_at=None if is_inside else storage.uri.partition("?")[0],
        mlflow=mlflow,
        rest=_size(folder.path) - mlflow - inside,
    )


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; files that vanish meanwhile count 0."""
    n_bytes = 0
    for file in [path, *path.rglob("*")]:
        with contextlib.suppress(FileNotFoundError):
            n_bytes += file.lstat().st_size if file.is_file() else 0
    return n_bytes
