"""The number that the surrogate's process models, for objectives of the AUCC and for others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from statistics import median, pstdev

import numpy as np

from search.stats.extrapolation import MAX_CURVES, Forecast, WholeCurve, forecast
from search.stats.final_gain import FinalGain, final_gains, whole_curves
from search.study.trial_record import TrialRecord
from search.suggest.proposer import Problem
from search.suggest.surrogate_gp import SIGNAL
from spaces.candidate_size import CandidateSize
from trainable.objective import mparams

FLOOR = 0.1  # AUCCs below 10 % of the best are clipped to it
_MAX_DEPTH = 3.0  # gains are clipped that many times as far below the best as the median is

Seen = list[tuple[TrialRecord, float, float]]  # trials with value and standard error


class Target(ABC):
    """What is modelled, in the unit of the process' priors; higher is better."""

    @abstractmethod
    def seen(self, records: Sequence[TrialRecord]) -> Seen:
        """Trials with a value, and its standard error: 0 for completed ones."""

    @abstractmethod
    def goal(self, best: TrialRecord | None, records: Sequence[TrialRecord]) -> float | None:
        """Objective of the best trial in the unit of the predictions; None without one."""

    def divisor(self, size: CandidateSize) -> float:
        """Number whose log is taken from a prediction: what the size tells before training."""
        return 1.0


def target_of(problem: Problem) -> Target:
    """The target for the problem's objective."""
    return LogAucc(problem) if problem.objective.is_of_aucc else ScaledGain()


class LogAucc(Target):
    """Log of the AUCC; parameters, where the objective divides by them, enter exactly."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._forecasts: dict[int, Forecast] = {}  # cache, by id of stopped trial

    def seen(self, records: Sequence[TrialRecord]) -> Seen:
        whole = whole_curves(records)
        guesses = [(record, *self._outcome(record, whole)) for record in records]
        known = [(record, area, error) for record, area, error in guesses if area is not None]
        floor = FLOOR * max((area for _, area, _ in known), default=0.0)
        if floor == 0.0:
            return []
        return [(record, float(np.log(max(area, floor))), error) for record, area, error in known]

    def goal(self, best: TrialRecord | None, records: Sequence[TrialRecord]) -> float | None:
        return None if best is None or not best.objective else float(np.log(best.objective))

    def divisor(self, size: CandidateSize) -> float:
        objective = self._problem.objective
        if objective.name != "aucc_per_mparam":
            return 1.0
        return mparams(size.counts, objective.parameters)

    def _outcome(
        self, record: TrialRecord, whole: Sequence[WholeCurve]
    ) -> tuple[float | None, float]:
        """AUCC of a completed trial, or forecast of a stopped one, with the standard log error."""
        if record.state == "completed":
            return record.aucc, 0.0
        if record.state != "stopped" or not record.curve:
            return None, 0.0
        guess = self._forecasts.get(record.id) or self._forecast(record, whole)
        return (None, 0.0) if guess is None else (guess.aucc, guess.log_error)

    def _forecast(self, record: TrialRecord, whole: Sequence[WholeCurve]) -> Forecast | None:
        problem = self._problem
        guess = forecast(
            record.curve, whole, clock=problem.objective.clock, horizon=problem.horizon
        )
        if guess is not None and len(whole) >= MAX_CURVES:
            self._forecasts[record.id] = guess  # later ones use no more curves
        return guess


class ScaledGain(Target):
    """Any other objective, scaled to the standard deviation that the process expects."""

    def seen(self, records: Sequence[TrialRecord]) -> Seen:
        finals = final_gains(records)
        scale = _scale_of(finals)
        return [
            (record, scale(final.gain), final.error / scale.unit)
            for record, final in zip(records, finals, strict=True)
            if final is not None
        ]

    def goal(self, best: TrialRecord | None, records: Sequence[TrialRecord]) -> float | None:
        return None if best is None else _scale_of(final_gains(records))(best.gain)


def _scale_of(finals: Sequence[FinalGain | None]) -> GainScale:
    return GainScale.of([final.gain for final in finals if final is not None])


@dataclass(frozen=True, slots=True, kw_only=True)
class GainScale:
    """Scale on which gains have the standard deviation of the process' prior."""

    least: float  # lower gains, as of trials that learned nothing, are clipped to it
    unit: float

    @classmethod
    def of(cls, gains: Sequence[float]) -> GainScale:
        """The scale of a study's gains so far."""
        best = max(gains, default=0.0)
        least = best - _MAX_DEPTH * (best - median(gains)) if gains else 0.0
        clipped = [max(gain, least) for gain in gains]
        return cls(least=least, unit=(pstdev(clipped) if clipped else 0.0) / exp(SIGNAL) or 1.0)

    def __call__(self, gain: float) -> float:
        return (max(gain, self.least) - self.least) / self.unit
