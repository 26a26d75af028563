"""Whether Optuna's suggestions ended as their trials did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from search.doctor.finding import Finding, Notes
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from search.suggest.optuna_journal import read_journal
from search.suggest.outcome import outcome_of
from search.suggest.suggestion_marks import DISCARDED, EARLIER, KNOWN, OUT_OF_BOUNDS
from spaces.chooser import FixedChooser
from spaces.errors import UserError

SUBJECT = "Optuna"


def check_suggestions(log: Path, records: Sequence[TrialRecord], config: StudyConfig) -> Finding:
    """Each suggestion's state and values against its trial's, and each trial's suggestion."""
    notes = Notes.empty()
    try:
        journal = read_journal(log, study=config.name)
    except Exception as error:  # noqa: BLE001 - whatever a broken journal makes Optuna raise
        notes.faults.append(f"optuna.log cannot be read: {type(error).__name__}: {error}")
        return notes.finding(SUBJECT, "optuna.log")
    trials = journal.trials
    for number, n_trials in Counter(record.optuna_number for record in records).items():
        if n_trials > 1:
            notes.faults.append(f"suggestion {number} has {n_trials} trials")
        if number >= len(trials):
            notes.faults.append(f"suggestion {number} is in trials.jsonl and not in optuna.log")
    by_number = {record.optuna_number: record for record in records}
    by_id = {record.id: record for record in records}
    for trial in trials:
        known = trial.user_attrs.get(KNOWN)
        record = by_number.get(trial.number) if known is None else by_id.get(known)
        if trial.number not in journal.lost:
            _check_suggestion(trial, record, config, notes)
    return notes.finding(SUBJECT, f"{len(trials)} suggestions")


def lost_suggestions(log: Path, records: Sequence[TrialRecord], config: StudyConfig) -> list[int]:
    """The suggestions that have an outcome whose trial is no longer known."""
    trials = read_journal(log, study=config.name).trials
    numbers = {record.optuna_number for record in records}
    return [
        trial.number
        for trial in trials
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        and trial.number not in numbers
        and not {KNOWN, OUT_OF_BOUNDS, DISCARDED, EARLIER} & trial.user_attrs.keys()
    ]


def _check_suggestion(
    trial: FrozenTrial, record: TrialRecord | None, config: StudyConfig, notes: Notes
) -> None:
    name = f"suggestion {trial.number}"
    if {OUT_OF_BOUNDS, DISCARDED, EARLIER} & trial.user_attrs.keys():
        if not trial.state.is_finished():
            notes.waiting.append(f"{name} was not told its outcome")
    elif record is None:
        _check_without_trial(trial, notes)
    elif not trial.state.is_finished():
        # With its trial it waits for resume; that is told where trials are looked at.
        if record.state != "running":
            notes.waiting.append(f"{name} was not told that trial {record.id} {record.state}")
    elif record.state == "running":
        notes.faults.append(f"{name} is {trial.state.name}, but trial {record.id} is running")
    else:
        notes.faults += [f"{name}: {told}" for told in _differences(trial, record, config)]


def _check_without_trial(trial: FrozenTrial, notes: Notes) -> None:
    if not trial.state.is_finished():
        notes.waiting.append(f"suggestion {trial.number} was asked for and never became a trial")
    elif trial.state is not TrialState.FAIL:
        notes.faults.append(
            f"suggestion {trial.number} is {trial.state.name}, but its trial is not in trials.jsonl"
        )


def _differences(trial: FrozenTrial, record: TrialRecord, config: StudyConfig) -> list[str]:
    told = []
    state, values = outcome_of(record)
    if trial.state is not state:
        told.append(f"{trial.state.name}, but trial {record.id} {record.state}")
    elif state is TrialState.COMPLETE and trial.values != values:
        told.append(f"its value is {trial.values}, that of trial {record.id} {values}")
    if not _is_of(trial.params, record, config):
        told.append(f"its point is not the candidate of trial {record.id}")
    return told


def _is_of(point: Mapping[str, str | float], record: TrialRecord, config: StudyConfig) -> bool:
    try:
        return config.space.choose(FixedChooser(point)).key == record.key
    except UserError:  # an answer was cut off with the journal's end: the others tell nothing
        return True
