"""A model's completed trials in a reproduction, and what is measured of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from search.replicates.entrant import Entrant
from search.replicates.test_set import TestScore
from search.study.trial_record import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Completed trials of a model with their scores on the test set, in order of seed."""

    entrant: Entrant
    trials: Sequence[TrialRecord]
    scores: Sequence[TestScore | None]  # None before the test

    @property
    def name(self) -> str:
        return self.entrant.name

    @property
    def metric(self) -> str:
        """Name of the scores."""
        return self.trials[0].metric

    def values(self, measure: Measure) -> list[float]:
        """Values of the trials that have one."""
        values = (measure(r, s) for r, s in zip(self.trials, self.scores, strict=True))
        return [value for value in values if value is not None]

    def common(self, other: Measured, measure: Measure) -> tuple[list[float], list[float]]:
        """Values of both on the seeds that have one in both, in order of seed."""
        mine, theirs = self._by_seed(measure), other._by_seed(measure)
        seeds = sorted(mine.keys() & theirs.keys())
        return [mine[seed] for seed in seeds], [theirs[seed] for seed in seeds]

    def _by_seed(self, measure: Measure) -> dict[int, float]:
        return {
            trial.config.seed: value
            for trial, score in zip(self.trials, self.scores, strict=True)
            if (value := measure(trial, score)) is not None
        }


Measure = Callable[[TrialRecord, TestScore | None], float | None]


def score_test(_: TrialRecord, score: TestScore | None) -> float | None:
    """Score on the test set."""
    return None if score is None else score.score
