"""Whether storage has what running trials go on from and what an export needs, and no more."""

from __future__ import annotations

from collections.abc import Sequence

from search.doctor.finding import Finding, Notes
from search.study.config import StudyConfig
from search.study.kept_weights import latest_checkpoint, stored_checkpoints, worth_keeping
from search.study.storage import Storage
from search.study.trial_record import TrialRecord
from trainable.checkpoint import BEST_WEIGHTS, PROGRESS

SUBJECT = "checkpoints"
_KEPT = {BEST_WEIGHTS, PROGRESS}


def check_checkpoints(
    storage: Storage, records: Sequence[TrialRecord], config: StudyConfig
) -> Finding:
    """The folders that Tune and the trials left in storage."""
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
                _check_ended(record, checkpoints, is_kept=record.id in kept, notes=notes)
    except OSError as error:
        reason, _, _ = str(error).partition("\n")
        notes.faults.append(f"{storage.uri} cannot be read: {reason}")
        return notes.finding(SUBJECT, storage.uri)
    return notes.finding(SUBJECT, f"{sum(map(len, stored.values()))} stored")


def unknown_trials(storage: Storage, records: Sequence[TrialRecord]) -> list[int]:
    """The ids of trials that left checkpoints and are in no record."""
    return sorted(stored_checkpoints(storage).keys() - {record.id for record in records})


def _check_interrupted(
    storage: Storage, record: TrialRecord, checkpoints: Sequence[Storage], notes: Notes
) -> None:
    """A half-written checkpoint is what an interruption leaves; the one before it is used."""
    whole = latest_checkpoint(storage, record)
    if checkpoints and whole != checkpoints[-1].uri:
        where = "the start" if whole is None else "the one before"
        notes.waiting.append(
            f"trial {record.id}: the newest checkpoint is not whole; resume goes on from {where}"
        )


def _check_ended(
    record: TrialRecord, checkpoints: Sequence[Storage], *, is_kept: bool, notes: Notes
) -> None:
    names = [set(checkpoint.files()) for checkpoint in checkpoints]
    if is_kept and not any(names_there >= _KEPT for names_there in names):
        notes.faults.append(
            f"trial {record.id} is among the best and its weights are gone; "
            f"export --trial {record.id} --train trains it again"
        )
    if any(names_there - _KEPT for names_there in names) or len(names) > is_kept:
        notes.waiting.append(f"trial {record.id} has left more than it should; resume removes it")
