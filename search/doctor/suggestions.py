"""Check of Optuna: each suggestion has the outcome of its trial."""

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
from search.suggest.suggestion_marks import DISCARDED, EARLIER, OUT_OF_BOUNDS, REPEATED
from spaces.chooser import FixedChooser
from spaces.errors import UserError

SUBJECT = "Optuna"


def check_suggestions(log: Path, records: Sequence[TrialRecord], config: StudyConfig) -> Finding:
    """Compare each suggestion's state, values and parameters with those of its trial.

    A journal that cannot be read is a fault; nothing is raised.
    """
    notes = Notes.empty()
    try:
        journal = read_journal(log, study=config.name)
    except UserError as error:
        notes.faults.append(f"optuna.log cannot be read: {error}")
        return notes.finding(SUBJECT, "optuna.log")
    trials = journal.trials
    numbers = (record.optuna_number for record in records)
    for number, n_trials in Counter(n for n in numbers if n is not None).items():
        if n_trials > 1:
            notes.faults.append(f"suggestion {number} has {n_trials} trials")
        if number >= len(trials):
            notes.faults.append(f"suggestion {number} is in trials.jsonl and not in optuna.log")
    by_number = {record.optuna_number: record for record in records}
    by_id = {record.id: record for record in records}
    for trial in trials:
        repeated = trial.user_attrs.get(REPEATED)
        record = by_number.get(trial.number) if repeated is None else by_id.get(repeated)
        if trial.number not in journal.lost:
            _check_suggestion(trial, record, config, notes)
    return notes.finding(SUBJECT, f"{len(trials)} suggestions")


def _check_suggestion(
    trial: FrozenTrial, record: TrialRecord | None, config: StudyConfig, notes: Notes
) -> None:
    name = f"suggestion {trial.number}"
    if {OUT_OF_BOUNDS, DISCARDED, EARLIER} & trial.user_attrs.keys():
        if not trial.state.is_finished():
            notes.waiting.append(f"{name}: its outcome is not in Optuna yet")
    elif record is None:
        _check_without_trial(trial, notes)
    elif not trial.state.is_finished():
        # A suggestion whose trial runs waits for resume; check_trials notes that.
        if record.state != "running":
            notes.waiting.append(
                f"{name}: the end of trial {record.id} ({record.state}) is not in Optuna yet"
            )
    elif record.state == "running":
        notes.faults.append(f"{name} is {trial.state.name}, but trial {record.id} is running")
    else:
        notes.faults += [
            f"{name}: {difference}" for difference in differences(trial, record, config)
        ]


def _check_without_trial(trial: FrozenTrial, notes: Notes) -> None:
    if not trial.state.is_finished():
        notes.waiting.append(f"suggestion {trial.number} never became a trial")
    elif trial.state is not TrialState.FAIL:
        notes.faults.append(
            f"suggestion {trial.number} is {trial.state.name}, but its trial is not in trials.jsonl"
        )


def differences(trial: FrozenTrial, record: TrialRecord, config: StudyConfig) -> list[str]:
    """Differences of an ended suggestion from its trial, a sentence each."""
    found = []
    state, values = outcome_of(record)
    if trial.state is not state:
        found.append(f"its state is {trial.state.name}, but trial {record.id} {record.state}")
    elif state is TrialState.COMPLETE and trial.values != values:
        found.append(f"its value is {trial.values}, but trial {record.id}'s is {values}")
    if not _is_candidate_of(trial.params, record, config):
        found.append(f"its parameters are not those of trial {record.id}")
    return found


def _is_candidate_of(
    params: Mapping[str, str | float], record: TrialRecord, config: StudyConfig
) -> bool:
    try:
        return config.space.choose(FixedChooser(params)).key == record.key
    except UserError:  # a parameter was lost with the journal's end: the others prove nothing
        return True
