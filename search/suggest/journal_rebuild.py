"""Optuna's journal, written anew from a study's records and what is left of the old one."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from search.study.config import StudyConfig
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from search.suggest.optuna_journal import (
    OptunaChooser,
    ReadJournal,
    damaged_lines,
    journal_lines,
    open_journal,
    read_lines,
)
from search.suggest.suggestion_journal import directions_of
from search.suggest.suggestion_marks import (
    DISCARDED,
    EARLIER,
    LOST,
    OUT_OF_BOUNDS,
    PROXY,
    REFERENCE,
    REPEATED,
)
from spaces.chooser import NotingChooser, Point
from spaces.errors import UserError
from spaces.space import SearchSpace
from trainable.atomic import write_atomically
from trainable.private.optuna import stand_ins

MAX_REBUILT = 1_000_000  # suggestions; a number above it is no number of ours
_NOT_TRAINED = frozenset({REPEATED, OUT_OF_BOUNDS, DISCARDED, EARLIER})


def salvage_journal(log: Path, config: StudyConfig, records: Sequence[TrialRecord]) -> ReadJournal:
    """What is left of a journal, damaged or not; empty if Optuna can't read any of it.

    A damaged line may have begun a trial, and without it the trials behind get the numbers
    before theirs. Of the ways to read the line, that counts in which most records fit.
    """
    lines = journal_lines(log)
    best = _read(lines, config)
    damaged = damaged_lines(lines)
    if lines and not damaged and not best.trials:
        damaged = {1: "the study's name or its directions"}
    for number in damaged:
        lines[number - 1] = b""
    for number in damaged:
        readings = []
        for stand_in in stand_ins(config.name, directions_of(config)):
            read = [*lines[: number - 1], stand_in, *lines[number:]]
            found = _read(read, config)
            readings.append((_n_fitting(found, config.space, records), read, found))
        _, lines, best = max(readings, key=lambda reading: reading[0])
    return best


def rebuild_journal(log: Path, config: StudyConfig, records: Sequence[TrialRecord]) -> None:
    """Replace the journal: each record's suggestion is open, the others are as they were.

    ``SuggestionJournal.settle`` gives the open ones the outcomes of their trials.
    """
    old = salvage_journal(log, config, records)
    by_number = {
        record.optuna_number: record
        for record in records
        if record.optuna_number is not None and record.optuna_number < MAX_REBUILT
    }
    n_suggestions = max(len(old.trials), 1 + max(by_number, default=-1))
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder) / log.name
        study = open_journal(new, study=config.name, directions=directions_of(config))
        if lost := sorted(set(old.lost) - by_number.keys()):
            study.set_user_attr(LOST, lost)
        for number in range(n_suggestions):
            trial = old.trials[number] if number < len(old.trials) else None
            _suggest(study, config.space, trial, by_number.get(number))
        write_atomically(log, new.read_bytes())


def _read(lines: Sequence[bytes], config: StudyConfig) -> ReadJournal:
    try:
        return read_lines(lines, study=config.name)
    except Exception:  # noqa: BLE001 - whatever a broken journal makes Optuna raise
        return ReadJournal()


def _n_fitting(read: ReadJournal, space: SearchSpace, records: Sequence[TrialRecord]) -> int:
    return sum(
        record.optuna_number is not None
        and record.optuna_number < len(read.trials)
        and _own_point(space, read.trials[record.optuna_number], record) is not None
        for record in records
    )


def _suggest(
    study: optuna.Study, space: SearchSpace, trial: FrozenTrial | None, record: TrialRecord | None
) -> None:
    """Add the next suggestion: that of ``record``, or ``trial`` of the old journal."""
    point = _point(space, trial, record)
    marks = _marks(trial, record)
    study.enqueue_trial(point, user_attrs=marks)
    suggestion = study.ask()
    if point:
        space.choose(OptunaChooser(suggestion))
    # A repeated suggestion gets the outcome of its trial, as that of a record does.
    if record is None and trial is not None and REPEATED not in marks:
        _end_as(study, suggestion, trial)


def _marks(trial: FrozenTrial | None, record: TrialRecord | None) -> dict[str, Any]:
    marks: Mapping[str, Any] = {} if trial is None else trial.user_attrs
    if record is None:
        return dict(marks)
    own = {name: value for name, value in marks.items() if name not in _NOT_TRAINED}
    if record.proxy is not None:
        own.setdefault(PROXY, {"value": record.proxy, "seconds": 0.0})
    if record.reference is not None:
        own.setdefault(REFERENCE, record.reference)
    return own


def _point(space: SearchSpace, trial: FrozenTrial | None, record: TrialRecord | None) -> Point:
    """Point of the suggestion; empty where it is known in part only."""
    found = None if trial is None else _own_point(space, trial, record)
    if found is None and record is not None:
        try:
            return space.encode(candidate_of(record.config, space))
        except UserError:
            return {}
    return found or {}


def _own_point(space: SearchSpace, trial: FrozenTrial, record: TrialRecord | None) -> Point | None:
    """Point of a suggestion in the old journal; None if it is not whole or not the record's."""
    chooser = NotingChooser(trial.params)
    try:
        candidate = space.choose(chooser)
    except UserError:
        return None
    return chooser.point if record is None or candidate.key == record.key else None


def _end_as(study: optuna.Study, suggestion: optuna.Trial, trial: FrozenTrial) -> None:
    """End a suggestion as ``trial`` ended, if it did."""
    if not trial.state.is_finished():
        return
    for name, value in trial.constraints.items():
        suggestion.set_constraint(name, value)
    for n_updates, value in trial.intermediate_values.items():
        suggestion.report(value, n_updates)
    values = trial.values if trial.state is optuna.trial.TrialState.COMPLETE else None
    study.tell(suggestion, values, state=trial.state)
