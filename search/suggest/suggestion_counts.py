"""Numbers of a study's suggestions by outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from optuna.trial import FrozenTrial

from search.suggest.suggestion_marks import DISCARDED, EARLIER, KNOWN, OUT_OF_BOUNDS


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionCounts:
    """Numbers of Optuna's suggestions by outcome."""

    n_suggestions: int
    n_trained: int
    n_known: int
    n_out_of_bounds: int
    n_discarded: int  # by the proxy

    @classmethod
    def of(cls, trials: Sequence[FrozenTrial], *, n_trained: int) -> Self:
        """The counts of all of Optuna's trials; those of earlier studies are left out."""
        marks = [trial.user_attrs for trial in trials if EARLIER not in trial.user_attrs]
        return cls(
            n_suggestions=len(marks),
            n_trained=n_trained,
            n_known=sum(KNOWN in attrs for attrs in marks),
            n_out_of_bounds=sum(OUT_OF_BOUNDS in attrs for attrs in marks),
            n_discarded=sum(DISCARDED in attrs for attrs in marks),
        )

    def __str__(self) -> str:
        text = f"{self.n_suggestions} suggestions, {self.n_trained} trained, {self.n_known} known"
        text += f", {self.n_out_of_bounds} out of bounds" if self.n_out_of_bounds else ""
        return text + (f", {self.n_discarded} discarded" if self.n_discarded else "")
