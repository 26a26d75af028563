"""Check of the checkpoints: storage has those that resume and export need, and no others."""

from __future__ import annotations

from collections.abc import Sequence

from search.doctor.finding import Finding, Notes
from search.doctor.rules import SEARCH, Rules
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
    storage: Storage,
    records: Sequence[TrialRecord],
    config: StudyConfig,
    rules: Rules = SEARCH,
) -> Finding:
    """Check the checkpoints that Tune and the trials left in storage.

    A storage that cannot be read is a fault; nothing is raised.
    """
    notes = Notes.empty()
    try:
        stored = stored_checkpoints(storage)
        if not stored and rules.n_kept is None:
            _note_that_none_are_left(records, notes)
            return notes.finding(SUBJECT, "none stored")
        for id_ in unknown_trials(storage, records):
            notes.faults.append(f"trial {id_} has checkpoints and is not in trials.jsonl")
        worth = worth_keeping(records, config.objective, n_kept=rules.n_kept)
        kept = {record.id for record in worth}
        for record in records:
            checkpoints = stored.get(record.id, [])
            if record.state == "running":
                _check_interrupted(storage, record, checkpoints, rules, notes)
            else:
                is_kept = record.id in kept
                _check_ended(storage, record, checkpoints, rules, is_kept=is_kept, notes=notes)
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


def _note_that_none_are_left(records: Sequence[TrialRecord], notes: Notes) -> None:
    """Note that replicates' weights were removed, all together: somebody wanted the room."""
    if any(record.state == "completed" for record in records):
        notes.waiting.append("no weights are left; a trial without a test score can get none")


def _check_interrupted(
    storage: Storage,
    record: TrialRecord,
    checkpoints: Sequence[Storage],
    rules: Rules,
    notes: Notes,
) -> None:
    """Note a half-written newest checkpoint: the next driver uses the one before it."""
    whole = latest_checkpoint(storage, record)
    if checkpoints and whole != checkpoints[-1].uri:
        where = "the start" if whole is None else "the one before"
        notes.waiting.append(
            f"trial {record.id}: the newest checkpoint is not whole; {rules.go_on} goes on from "
            f"{where}"
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
    rules: Rules,
    *,
    is_kept: bool,
    notes: Notes,
) -> None:
    names = [set(checkpoint.files()) for checkpoint in checkpoints]
    if is_kept and (fault := _fault_of_weights(storage, record)) is not None:
        notes.faults.append(
            f"trial {record.id} is {rules.kept} and its weights are {fault}; "
            + rules.lost_weights.format(id=record.id)
        )
    if any(file_names - set(KEPT) for file_names in names) or len(names) > is_kept:
        notes.waiting.append(
            f"trial {record.id} has left checkpoint files that are not needed; {rules.go_on} "
            "removes them"
        )
