"""Expectations of a search's trials and of replicates, for the checks and the repair of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from search.replicates.entrant import seeded_key
from search.study.config import StudyConfig
from search.study.kept_weights import N_KEPT_WEIGHTS
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Expectations of the trials of a study."""

    key_of: Callable[[TrialRecord, StudyConfig], str]
    n_kept: int | None  # as of KeptWeights
    go_on: str  # command that goes on with the study
    kept: str  # trials whose weights are kept, in words that follow "trial 3 is"
    lost_weights: str  # remedy for lost weights of trial {id}
    is_guest: bool  # its runs are in the store of another study, which may have been made anew


def _key(record: TrialRecord, config: StudyConfig) -> str:
    return candidate_of(record.config, config.space).key


def _key_of_replicate(record: TrialRecord, config: StudyConfig) -> str:
    return seeded_key(candidate_of(record.config, config.space), record.config.seed)


SEARCH = Rules(
    key_of=_key,
    n_kept=N_KEPT_WEIGHTS,
    go_on="resume",
    kept="among the best",
    lost_weights="export --trial {id} --train trains it again",
    is_guest=False,
)
REPLICATES = Rules(
    key_of=_key_of_replicate,
    n_kept=None,
    go_on="the same command",
    kept="completed",
    lost_weights="restore them from a copy",
    is_guest=True,
)
