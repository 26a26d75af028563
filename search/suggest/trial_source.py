"""Interface of a source of new trials, for ``TrialSearcher``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

from search.study.trial_record import TrialRecord

# "later": none before a running trial has ended; "never": the search is over.
NextTrial = TrialRecord | Literal["later", "never"]


class TrialSource(ABC):
    """Chooses new trials; interruption, concurrency and records are its searcher's."""

    @abstractmethod
    def next_trial(self) -> NextTrial:
        """A new trial, which its searcher writes down."""

    def n_to_come(self) -> int:
        """Number of trials that may still be begun, as far as it is known by now."""
        return 0

    def observe(self, record: TrialRecord, result: Mapping[str, Any]) -> None:  # noqa: B027
        """Take note of a result of a running trial; nothing unless overridden."""

    def end(self, record: TrialRecord, result: Mapping[str, Any]) -> None:  # noqa: B027
        """Take note of a trial that ended, with the last result; nothing unless overridden."""
