"""Numbers of a study's suggestions by outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from optuna.trial import FrozenTrial

from search.suggest.suggestions import Suggestions


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionCounts:
    """Numbers of Optuna's suggestions by outcome."""

    n_suggestions: int
    n_trained: int
    n_repeated: int
    n_out_of_bounds: int
    n_discarded: int  # by the proxy

    @classmethod
    def of(cls, trials: Sequence[FrozenTrial], *, n_trained: int) -> Self:
        """The counts of all of Optuna's trials; those of earlier studies are left out."""
        own = Suggestions.of(trials)
        return cls(
            n_suggestions=own.n_new,
            n_trained=n_trained,
            n_repeated=own.n_repeats.total(),
            n_out_of_bounds=len(own.refusals),
            n_discarded=len(own.discards),
        )

    def __str__(self) -> str:
        text = (
            f"{self.n_suggestions} suggestions, {self.n_trained} trained, {self.n_repeated} known"
        )
        text += f", {self.n_out_of_bounds} out of bounds" if self.n_out_of_bounds else ""
        return text + (f", {self.n_discarded} discarded" if self.n_discarded else "")
