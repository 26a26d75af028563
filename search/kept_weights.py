"""What trials leave on disk: checkpoints while they run, the best few's weights after."""

from __future__ import annotations

import shutil
from pathlib import Path

from search.ledger import Ledger
from search.study_folder import StudyFolder
from search.trial_record import TrialRecord
from trainable.checkpoint import BEST_WEIGHTS, BrokenCheckpoint, load_checkpoint

N_KEPT_WEIGHTS = 3  # finished trials whose best weights stay on disk


def keep_best_weights(folder: StudyFolder, ledger: Ledger) -> None:
    """Free the disk of all that finished trials left but the best few's best weights."""
    finished = [record for record in ledger.records if record.state != "running"]
    completed = [record for record in finished if record.state == "completed"]
    completed.sort(key=lambda record: record.objective or 0.0, reverse=True)
    kept = {record.id for record in completed[:N_KEPT_WEIGHTS]}
    for record in finished:
        if record.checkpoints is None:
            continue
        checkpoints = sorted((folder.path / record.checkpoints).glob("checkpoint_*"))
        for checkpoint in checkpoints:
            if record.id not in kept or checkpoint != checkpoints[-1]:
                shutil.rmtree(checkpoint, ignore_errors=True)
                continue
            for file in checkpoint.iterdir():
                if file.name not in (BEST_WEIGHTS, "progress.json"):
                    file.unlink(missing_ok=True)


def best_weights(folder: StudyFolder, record: TrialRecord) -> Path | None:
    """The file of a finished trial's best weights, where it was kept."""
    if record.checkpoints is None:
        return None
    files = sorted((folder.path / record.checkpoints).glob(f"checkpoint_*/{BEST_WEIGHTS}"))
    return files[-1] if files else None


def latest_checkpoint(folder: StudyFolder, record: TrialRecord) -> Path | None:
    """The newest whole checkpoint of an interrupted trial."""
    if record.checkpoints is None:
        return None
    for checkpoint in sorted((folder.path / record.checkpoints).glob("checkpoint_*"), reverse=True):
        try:
            load_checkpoint(checkpoint)
        except BrokenCheckpoint:
            continue
        return checkpoint.resolve()
    return None
