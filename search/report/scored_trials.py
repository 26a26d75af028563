"""Trials with their answers to the space's questions and their final objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from search.report.reported_study import ReportedStudy
from search.stats.final_gain import final_gains

MAX_VALUES = 5  # a range with more values is cut into parts

Value = object  # of an axis: a number, a word, true or false


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredTrial:
    """A completed trial, or one stopped early with the forecast of its objective."""

    id: int
    params: Mapping[str, Value]  # answers by axis; conditional axes are not in every trial
    objective: float
    gain: float  # the objective, signed so that higher is better
    depth: int  # of the encoder
    is_forecast: bool
    ranges: frozenset[str] = frozenset()  # axes that are no lists of values
    log_ranges: frozenset[str] = frozenset()  # of them, those sampled in the logarithm
    error: float = 0.0  # scale of the forecast's error


def scored(study: ReportedStudy) -> list[ScoredTrial]:
    """All trials with an objective at their end, known or forecast.

    Left out are failed trials, and those whose suggestion Optuna lost.
    """
    goal = study.config.objective.goals[0]
    return [
        ScoredTrial(
            id=record.id,
            params=suggestion.params,
            objective=goal.gain(final.gain),
            gain=final.gain,
            depth=record.encoder.depth,
            is_forecast=record.state == "stopped",
            ranges=frozenset(
                name
                for name, kind in suggestion.distributions.items()
                if not isinstance(kind, CategoricalDistribution)
            ),
            log_ranges=frozenset(
                name for name, kind in suggestion.distributions.items() if _samples_log(kind)
            ),
            error=final.error,
        )
        for record, final in zip(study.records, final_gains(study.records), strict=True)
        if final is not None
        and record.optuna_number is not None
        and (suggestion := study.suggestions.by_number.get(record.optuna_number)) is not None
    ]


def values_of(trials: Sequence[ScoredTrial], axis: str) -> list[Value]:
    """Values of ``axis`` in the trials that have it, each once: numbers by size, then words."""
    values = dict.fromkeys(trial.params[axis] for trial in trials if axis in trial.params)
    return sorted(values, key=_place)


def is_range(trials: Sequence[ScoredTrial], axis: str) -> bool:
    """True for an axis of a range of which trials have more than ``MAX_VALUES`` values."""
    given = any(axis in trial.ranges for trial in trials)
    return given and len(values_of(trials, axis)) > MAX_VALUES


def is_log(trials: Sequence[ScoredTrial], axis: str) -> bool:
    """True for an axis of a range that is sampled in the logarithm."""
    return any(axis in trial.log_ranges for trial in trials)


def axes_of(trials: Sequence[ScoredTrial]) -> list[str]:
    """The axes in which trials differ, by name."""
    names = sorted({name for trial in trials for name in trial.params})
    return [name for name in names if len(values_of(trials, name)) > 1]


def _samples_log(kind: BaseDistribution) -> bool:
    return isinstance(kind, FloatDistribution | IntDistribution) and kind.log


def _place(value: Value) -> tuple[bool, float, str]:
    is_word = isinstance(value, str)
    return (True, 0.0, str(value)) if is_word else (False, float(str(value)), "")
