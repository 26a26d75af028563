"""What trials leave on disk: checkpoints while they run, the best few's weights after."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file

from search.ranking import comparable, pareto_front
from search.study_folder import StudyFolder
from search.trial_record import TrialRecord
from trainable.checkpoint import (
    BEST_WEIGHTS,
    PROGRESS,
    BrokenCheckpoint,
    Weights,
    load_checkpoint,
)
from trainable.config import ObjectiveConfig
from trainable.curve import Point

N_KEPT_WEIGHTS = 3  # finished trials whose best weights stay on disk


def trial_dirname(id_: int) -> str:
    """What Tune calls a trial's folder, in the folder of each driver that worked on it."""
    return f"trial-{id_:04d}"


def checkpoints_of(folder: StudyFolder, record: TrialRecord) -> list[Path]:
    """A trial's checkpoints on disk, oldest first, whichever driver's."""
    return sorted(folder.ray.glob(f"session-*/{trial_dirname(record.id)}/checkpoint_*"))


def keep_best_weights(
    folder: StudyFolder, records: Sequence[TrialRecord], objective: ObjectiveConfig
) -> None:
    """Free the disk of all that ended trials left but the best weights of those worth exporting.

    These are the few best within the study's bounds, and the whole front of a ``pareto``
    study.
    """
    best = sorted(
        comparable(records, objective), key=lambda record: record.objective or 0.0, reverse=True
    )
    kept = {record.id for record in best[:N_KEPT_WEIGHTS]}
    if objective.name == "pareto":
        kept |= {record.id for record in pareto_front(records, objective)}
    for record in records:
        if record.state == "running":
            continue
        checkpoints = checkpoints_of(folder, record)
        newest = checkpoints[-1:] if record.id in kept else []
        for checkpoint in checkpoints:
            if checkpoint not in newest:
                shutil.rmtree(checkpoint, ignore_errors=True)
        for checkpoint in newest:
            for file in checkpoint.iterdir():
                if file.name not in (BEST_WEIGHTS, PROGRESS):
                    file.unlink(missing_ok=True)


def best_weights(
    folder: StudyFolder, record: TrialRecord
) -> tuple[Weights, tuple[Point, ...]] | None:
    """A trial's best weights, where they were kept, and the curve whose best point is theirs."""
    for checkpoint in reversed(checkpoints_of(folder, record)):
        if (checkpoint / BEST_WEIGHTS).is_file():
            progress = json.loads((checkpoint / PROGRESS).read_text(encoding="utf-8"))
            curve = tuple(Point.from_dict(point) for point in progress["curve"])
            return load_file(checkpoint / BEST_WEIGHTS), curve
    return None


def latest_checkpoint(folder: StudyFolder, record: TrialRecord) -> Path | None:
    """The newest whole checkpoint of an interrupted trial."""
    for checkpoint in reversed(checkpoints_of(folder, record)):
        try:
            load_checkpoint(checkpoint)
        except BrokenCheckpoint:
            continue
        return checkpoint.resolve()
    return None
