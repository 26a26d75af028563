"""A study's suggestions, read from Optuna's journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from optuna.trial import FrozenTrial, TrialState

from search.study.trial_record import TrialRecord
from search.suggest.optuna_journal import read_journal
from search.suggest.suggestion_marks import (
    DISCARDED,
    EARLIER,
    OUT_OF_BOUNDS,
    REPEATED,
    RETRIED,
)


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
        """Number of suggestions without those that train a failed trial again."""
        return sum(RETRIED not in trial.user_attrs for trial in self.trials)

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


def read_suggestions(log: Path, *, study: str) -> Suggestions:
    """Suggestions of ``study`` in its journal; none if there is no journal."""
    return Suggestions.of(read_journal(log, study=study).trials)
