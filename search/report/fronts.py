"""Fronts of AUCC against parameters, one for each way of counting these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from search.study.ranking import pareto_front
from search.study.trial_record import TrialRecord
from trainable.config import ObjectiveConfig, Parameters
from trainable.objective import mparams


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The compared trials under one way of counting, or under several that agree on all."""

    ways: tuple[Parameters, ...]
    sizes: tuple[float, ...]  # of the trials, in millions
    trials: tuple[TrialRecord, ...]
    best: tuple[TrialRecord, ...]  # those on the front, by rising size

    @property
    def title(self) -> str:
        return " = ".join(self.ways)

    @property
    def steps(self) -> list[tuple[float, float]]:
        """The corners of the front's line: sizes and AUCC."""
        return [(mparams(r.counts, self.ways[0]), r.aucc or 0.0) for r in self.best]


def fronts_of(trials: Sequence[TrialRecord]) -> list[Front]:
    """One front for each way of counting; ways that agree on every trial are one."""
    by_sizes: dict[tuple[float, ...], list[Parameters]] = {}
    for way in get_args(Parameters):
        by_sizes.setdefault(tuple(mparams(r.counts, way) for r in trials), []).append(way)
    return [
        Front(ways=tuple(ways), sizes=sizes, trials=tuple(trials), best=front_of(trials, ways[0]))
        for sizes, ways in by_sizes.items()
    ]


def front_of(trials: Sequence[TrialRecord], way: Parameters) -> tuple[TrialRecord, ...]:
    """Those of ``trials`` that no other beats in both AUCC and parameters counted so."""
    # The bounds were the study's own, and have been seen to.
    return tuple(pareto_front(trials, ObjectiveConfig(parameters=way)))
