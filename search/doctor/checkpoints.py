"""Check of the checkpoints: storage has those that resume and export need, and no others."""

from __future__ import annotations

from collections.abc import Sequence

from search.doctor.finding import Finding, Notes
from search.study.config import StudyConfig
from search.study.kept_weights import (
    best_weights,
    latest_checkpoint,
    stored_checkpoints,
    worth_keeping,
)
from search.study.storage import Storage
from search.study.trial_record import TrialRecord
from trainable.checkpoint import KEPT, BrokenCheckpoint

SUBJECT = "checkpoints"


def check_checkpoints(
    storage: Storage, records: Sequence[TrialRecord], config: StudyConfig
) -> Finding:
    """Check the checkpoints that Tune and the trials left in storage.

    A storage that cannot be read is a fault; nothing is raised.
    """
    notes = Notes.empty()
    try:
        stored = stored_checkpoints(storage)
        for id_ in unknown_trials(storage, records):
            notes.faults.append(f"trial {id_} has checkpoints and is not in trials.jsonl")
        kept = {record.id for record in worth_keeping(records, config.objective)}
        for record in records:
            checkpoints = stored.get(record.id, [])
            if record.state == "running":
                _check_interrupted(storage, record, checkpoints, notes)
            else:
                is_kept = record.id in kept
                _check_ended(storage, record, checkpoints, is_kept=is_kept, notes=notes)
    except OSError as error:
        reason, _, _ = str(error).partition("\n")
        notes.faults.append(f"{storage.uri} cannot be read: {reason}")
        return notes.finding(SUBJECT, storage.uri)
    return notes.finding(SUBJECT, f"{sum(map(len, stored.values()))} stored")


def unknown_trials(storage: Storage, records: Sequence[TrialRecord]) -> list[int]:
    """Ids of trials that left checkpoints but have no record.

    Raises:
        OSError: the storage cannot be read.
    """
    return sorted(stored_checkpoints(storage).keys() - {record.id for record in records})


def _check_interrupted(
    storage: Storage, record: TrialRecord, checkpoints: Sequence[Storage], notes: Notes
) -> None:
    """Note a half-written newest checkpoint: resume uses the one before it."""
    whole = latest_checkpoint(storage, record)
    if checkpoints and whole != checkpoints[-1].uri:
        where = "the start" if whole is None else "the one before"
        notes.waiting.append(
            f"trial {record.id}: the newest checkpoint is not whole; resume goes on from {where}"
        )


def _fault_of_weights(storage: Storage, record: TrialRecord) -> str | None:
    """State of a trial's best weights in words that follow "are"; None if they can be used."""
    try:
        return "gone" if best_weights(storage, record) is None else None
    except BrokenCheckpoint as error:
        return f"damaged ({error})"


def _check_ended(
    storage: Storage,
    record: TrialRecord,
    checkpoints: Sequence[Storage],
    *,
    is_kept: bool,
    notes: Notes,
) -> None:
    names = [set(checkpoint.files()) for checkpoint in checkpoints]
    if is_kept and (fault := _fault_of_weights(storage, record)) is not None:
        notes.faults.append(
            f"trial {record.id} is among the best and its weights are {fault}; "
            f"export --trial {record.id} --train trains it again"
        )
    if any(file_names - set(KEPT) for file_names in names) or len(names) > is_kept:
        notes.waiting.append(
            f"trial {record.id} has left checkpoint files that are not needed; resume removes them"
        )
