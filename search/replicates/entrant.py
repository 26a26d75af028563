"""A layout that is trained with several seeds, and its trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from spaces.candidate import Candidate
from trainable.config import TrialConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A candidate with the name that tables and figures give it."""

    name: str
    candidate: Candidate

    def key(self, seed: int) -> str:
        """What tells its trial with ``seed`` from all others."""
        return f"{self.candidate.key} seed={seed}"

    def trial(self, config: StudyConfig, *, data: str, seed: int) -> TrialConfig:
        """Its trial with ``seed``, with the settings of ``config`` around it."""
        return config.trial(self.candidate, data=data).model_copy(update={"seed": seed})

    def trials(self, records: Sequence[TrialRecord]) -> list[TrialRecord]:
        """Its trials among ``records``, in order of seed."""
        own = [r for r in records if r.key == self.key(r.config.seed)]
        return sorted(own, key=lambda record: record.config.seed)

    def completed(self, records: Sequence[TrialRecord]) -> list[TrialRecord]:
        """Those that ran to their end."""
        return [record for record in self.trials(records) if record.state == "completed"]
