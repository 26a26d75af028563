"""Candidate that is trained with several seeds, and its trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from spaces.candidate import Candidate
from trainable.config import TrialConfig


def seeded_key(candidate: Candidate, seed: int) -> str:
    """Unique key of the candidate's trial with ``seed``."""
    return f"{candidate.key} seed={seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """Candidate with its name in tables and figures."""

    name: str
    candidate: Candidate

    def key(self, seed: int) -> str:
        """Unique key of the trial with ``seed``."""
        return seeded_key(self.candidate, seed)

    def trial(self, config: StudyConfig, *, data: str, seed: int) -> TrialConfig:
        """Configuration of the trial with ``seed``; all other settings are those of ``config``."""
        return config.trial(self.candidate, data=data).model_copy(update={"seed": seed})

    def trials(self, records: Sequence[TrialRecord]) -> list[TrialRecord]:
        """Trials of the entrant among ``records``, in order of seed."""
        own = [r for r in records if r.key == self.key(r.config.seed)]
        return sorted(own, key=lambda record: record.config.seed)

    def completed(self, records: Sequence[TrialRecord]) -> list[TrialRecord]:
        """Completed trials of the entrant among ``records``, in order of seed."""
        return [record for record in self.trials(records) if record.state == "completed"]
