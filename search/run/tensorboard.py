"""TensorBoard's files of a study, by Ray's own logger (``tracking.tensorboard``)."""

from __future__ import annotations

from typing import Any

from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from trainable.private.tune import TensorBoardLogs


def tensorboard_logs(config: StudyConfig, folder: StudyFolder) -> list[TensorBoardLogs]:
    """The logger that writes ``tensorboard/`` in the study's folder; empty if not asked for."""
    if not config.tracking.tensorboard:
        return []
    return [TensorBoardLogs(str((folder.path / "tensorboard").resolve()), _values)]


def _values(result: dict[str, Any]) -> dict[str, Any]:
    """Measures of the last validation; empty of a trial that failed."""
    if result.get("failure"):
        return {}
    last = result["curve"][-1]
    return {**last, "aucc": result["aucc"], "objective": result["objective"]}
