"""Table of recorded trials, over which a search can be replayed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from search.study.agreement import SEARCHED_FIELDS
from search.study.config import StudyConfig
from spaces.candidate import Candidate
from spaces.candidate_size import CandidateSize
from spaces.counts import ParamCounts
from trainable.aucc import aucc
from trainable.curve import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTrial:
    """One candidate, trained with one seed to the end of its budget."""

    candidate: Candidate
    seed: int
    counts: ParamCounts
    curve: tuple[Point, ...]
    n_epochs: float
    peak_memory_bytes: int

    def n_epochs_at(self, point: Point) -> float:
        """Passes over the training set up to ``point``."""
        return self.n_epochs * point.tokens / self.curve[-1].tokens


@dataclass(frozen=True, kw_only=True)
class TrialTable:
    """Recorded trials of one space under the same settings; a candidate may have several seeds."""

    study: StudyConfig  # with default search and scheduler
    corpus: str  # digest of the prepared data
    metric: str  # name of the scores' metric
    made: Mapping[str, str]  # versions, machine and other facts about the recording
    trials: tuple[RecordedTrial, ...]

    def area(self, trial: RecordedTrial) -> float:
        """AUCC of ``trial`` over the whole budget, on the clock of the table's objective."""
        clock = self.study.objective.clock
        return aucc(trial.curve, clock=clock, horizon=self.study.horizon, hold_last=True)

    @cached_property
    def by_key(self) -> Mapping[str, Sequence[RecordedTrial]]:
        """The trials of each candidate, by its key and in order of seed."""
        replicates: dict[str, list[RecordedTrial]] = defaultdict(list)
        for trial in sorted(self.trials, key=lambda trial: trial.seed):
            replicates[trial.candidate.key].append(trial)
        return dict(replicates)

    def pick(self, key: str, *, seed: int) -> RecordedTrial:
        """One of the candidate's trials, drawn from ``seed`` and ``key``."""
        return random.Random(f"{seed} {key}").choice(self.by_key[key])

    def size(self, key: str) -> CandidateSize:
        """The size of a candidate's model."""
        trial = self.by_key[key][0]
        first = trial.curve[0]  # later points may have frozen layers
        return CandidateSize(counts=trial.counts, training_flops=first.flops / first.tokens)


def recorded_settings(study: StudyConfig) -> dict[str, Any]:
    """Settings of a table's study, without search, scheduler and tracking."""
    how_searched = dict.fromkeys(("search", "scheduler", "tracking"), True)
    return study.model_dump(mode="json", exclude={"model": SEARCHED_FIELDS, **how_searched})
