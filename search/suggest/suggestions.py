"""The suggestions of a study, as Optuna's journal has them; the journal is only read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from optuna.trial import FrozenTrial

from search.suggest.optuna_journal import read_journal
from search.suggest.suggestion_marks import DISCARDED, EARLIER, KNOWN, OUT_OF_BOUNDS


@dataclass(frozen=True)
class Suggestions:
    """Optuna's trials, those of earlier studies left out."""

    trials: Sequence[FrozenTrial]

    @cached_property
    def by_number(self) -> Mapping[int, FrozenTrial]:
        """The suggestions by Optuna's number, which a trial's record has."""
        return {trial.number: trial for trial in self.trials}

    @cached_property
    def n_again(self) -> Mapping[int, int]:
        """How often a trial's outcome was reused, for it was suggested again."""
        return Counter(
            trial.user_attrs[KNOWN] for trial in self.trials if KNOWN in trial.user_attrs
        )

    @property
    def n_known(self) -> int:
        return sum(self.n_again.values())

    @property
    def refusals(self) -> list[str]:
        """Why suggestions were out of bounds, one reason each."""
        return self._told(OUT_OF_BOUNDS)

    @property
    def discards(self) -> list[str]:
        """Why suggestions were discarded by the proxy, one reason each."""
        return self._told(DISCARDED)

    def _told(self, mark: str) -> list[str]:
        told = (trial.user_attrs.get(mark) for trial in self.trials)
        return [str(reason) for reason in told if reason is not None]


def read_suggestions(log: Path, *, study: str) -> Suggestions:
    """What Optuna's journal holds of ``study``; nothing where there is no journal."""
    trials = read_journal(log, study=study).trials
    return Suggestions([trial for trial in trials if EARLIER not in trial.user_attrs])
