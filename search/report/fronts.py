"""Pareto fronts of AUCC and parameters, one for each parameter count."""

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
    """Pareto front of the compared trials, for one parameter count or for several equal ones."""

    ways: tuple[Parameters, ...]
    sizes: tuple[float, ...]  # of all trials, in millions of parameters
    trials: tuple[TrialRecord, ...]
    best: tuple[TrialRecord, ...]  # trials on the front, by rising size

    @property
    def title(self) -> str:
        return " = ".join(self.ways)

    @property
    def steps(self) -> list[tuple[float, float]]:
        """Corners of the front's line: millions of parameters and AUCC."""
        return [(mparams(r.counts, self.ways[0]), r.aucc or 0.0) for r in self.best]


def fronts_of(trials: Sequence[TrialRecord]) -> list[Front]:
    """Fronts for all parameter counts; counts that are equal for every trial share one."""
    by_sizes: dict[tuple[float, ...], list[Parameters]] = {}
    for way in get_args(Parameters):
        by_sizes.setdefault(tuple(mparams(r.counts, way) for r in trials), []).append(way)
    return [
        Front(ways=tuple(ways), sizes=sizes, trials=tuple(trials), best=front_of(trials, ways[0]))
        for sizes, ways in by_sizes.items()
    ]


def front_of(trials: Sequence[TrialRecord], way: Parameters) -> tuple[TrialRecord, ...]:
    """Trials on the Pareto front of AUCC and parameters, counted as ``way`` says."""
    # No bounds here: the trials were already compared within the study's own.
    return tuple(pareto_front(trials, ObjectiveConfig(parameters=way)))
