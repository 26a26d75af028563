"""A study's suggestions, read from Optuna's journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from optuna.trial import FrozenTrial, TrialState

from search.study.folder import mend_command
from search.study.trial_record import TrialRecord
from search.suggest.optuna_journal import read_journal
from search.suggest.suggestion_marks import (
    DISCARDED,
    EARLIER,
    OUT_OF_BOUNDS,
    REFERENCE,
    REPEATED,
    RETRIED,
)
from spaces.errors import UserError


@dataclass(frozen=True)
class Suggestions:
    """Optuna's trials without those of earlier studies."""

    trials: Sequence[FrozenTrial]

    @classmethod
    def of(cls, trials: Sequence[FrozenTrial]) -> Self:
        """Suggestions among all of Optuna's trials."""
        return cls([trial for trial in trials if EARLIER not in trial.user_attrs])

    @property
    def n_new(self) -> int:
        """Number of suggestions without references and those that train a trial again."""
        return sum(not {RETRIED, REFERENCE} & trial.user_attrs.keys() for trial in self.trials)

    @cached_property
    def by_number(self) -> Mapping[int, FrozenTrial]:
        """Suggestions by Optuna's number (``TrialRecord.optuna_number``)."""
        return {trial.number: trial for trial in self.trials}

    @cached_property
    def n_repeats(self) -> Counter[int]:
        """Number of repeated suggestions of each trial, by trial id."""
        return Counter(
            trial.user_attrs[REPEATED] for trial in self.trials if REPEATED in trial.user_attrs
        )

    @property
    def refusals(self) -> list[str]:
        """Reasons of the suggestions that were out of bounds, one each."""
        return self._reasons(OUT_OF_BOUNDS)

    @property
    def discards(self) -> list[str]:
        """Reasons of the suggestions that the proxy discarded, one each."""
        return self._reasons(DISCARDED)

    def _reasons(self, mark: str) -> list[str]:
        reasons = (trial.user_attrs.get(mark) for trial in self.trials)
        return [str(reason) for reason in reasons if reason is not None]


def ended_without_trial(trials: Sequence[FrozenTrial], records: Sequence[TrialRecord]) -> list[int]:
    """Numbers of the suggestions that have the outcome of a trial which is not in ``records``."""
    numbers = {record.optuna_number for record in records}
    return [
        trial.number
        for trial in trials
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        and trial.number not in numbers
        and not {REPEATED, OUT_OF_BOUNDS, DISCARDED, EARLIER} & trial.user_attrs.keys()
    ]


def refuse_lost(
    trials: Sequence[FrozenTrial], lost: Sequence[int], records: Sequence[TrialRecord], log: Path
) -> None:
    """Check that Optuna has the suggestion of each trial, and the ledger each ended trial.

    New suggestions would take the number of a lost one, and a lost trial be trained again.

    Raises:
        UserError: one is lost.
    """
    remedy = f"rebuild it with: {mend_command(log.parent)}"
    n_suggestions = len(trials)
    for record in records:
        if record.optuna_number is not None and record.optuna_number >= n_suggestions:
            raise UserError(
                f"{log}: lacks suggestion {record.optuna_number}, that of trial {record.id}; "
                f"{remedy}"
            )
    for number in ended_without_trial(trials, records):
        if number not in lost:
            raise UserError(
                f"{log.with_name('trials.jsonl')}: lacks the trial of suggestion {number}, "
                f"which has an outcome in {log.name}; {remedy}"
            )


def read_suggestions(log: Path, *, study: str) -> Suggestions:
    """Suggestions of ``study`` in its journal; none if there is no journal."""
    return Suggestions.of(read_journal(log, study=study).trials)
