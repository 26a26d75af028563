"""Final objective of trials: that of completed ones, and a forecast for those stopped early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.stats.extrapolation import WholeCurve, evenly_spread, forecast, regress
from search.study.trial_record import TrialRecord
from trainable.objective import Progress, objective_value

# The regression's priors are for logs of areas, which have this standard deviation.
_UNIT = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalGain:
    """Objective of a trial at its end, signed so that higher is better."""

    gain: float
    error: float = 0.0  # scale of the forecast's error; 0 for a completed trial


def final_gains(records: Sequence[TrialRecord]) -> list[FinalGain | None]:
    """Final gain of each trial; None of one that failed, runs or cannot be forecast."""
    completed = [record for record in records if record.state == "completed" and record.curve]
    whole = whole_curves(completed)
    seen: dict[float, list[tuple[float, float, float]]] = {}  # of completed trials, by reading

    def final(record: TrialRecord) -> FinalGain | None:
        if record.state == "completed":
            return None if record.objective is None else FinalGain(gain=record.gain)
        if record.state != "stopped" or not record.curve:
            return None
        if record.config.objective.is_of_aucc:
            return _by_area(record, whole)
        return _guess(record, completed, seen)

    return [final(record) for record in records]


def whole_curves(records: Sequence[TrialRecord]) -> list[WholeCurve]:
    """Curves of the completed trials."""
    return [
        WholeCurve(points=record.curve, aucc=record.aucc)
        for record in records
        if record.state == "completed" and record.aucc is not None
    ]


def _by_area(record: TrialRecord, whole: Sequence[WholeCurve]) -> FinalGain | None:
    """Forecast of the AUCC, as the surrogate and ``extrapolation`` make it."""
    objective = record.config.objective
    guess = forecast(record.curve, whole, clock=objective.clock, horizon=record.config.horizon)
    if guess is None:
        return None
    progress = Progress(curve=record.curve, aucc=guess.aucc, counts=record.counts)
    value = objective_value(objective, progress)
    return FinalGain(gain=value, error=guess.log_error * value)


def _guess(
    record: TrialRecord,
    completed: Sequence[TrialRecord],
    seen: dict[float, list[tuple[float, float, float]]],
) -> FinalGain | None:
    """Forecast by regression of the final gain on the gain and the loss at the same reading.

    Args:
        seen: cache of what the completed trials had shown, by reading.
    """
    if record.clock not in seen:
        cut = [_shown_at(other, record.clock) for other in evenly_spread(completed)]
        seen[record.clock] = [shown for shown in cut if shown is not None]
    known = np.array(seen[record.clock])
    if not known.size:
        return None
    unit = known[:, 2].std() / _UNIT or 1.0
    scales = np.array([unit, 1.0])
    _, so_far = record.so_far(len(record.curve))
    new = np.array([record.config.objective.gain(so_far), record.curve[-1].loss])
    mean, scale = regress(known[:, :2] / scales, known[:, 2] / unit, new / scales)
    return FinalGain(gain=mean * unit, error=scale * unit)


def _shown_at(record: TrialRecord, reading: float) -> tuple[float, float, float] | None:
    """Gain and loss of a completed trial at ``reading``, and its final gain.

    None if its first validation was later, or its last was not.
    """
    objective = record.config.objective
    n_points = sum(point.at(objective.clock) <= reading for point in record.curve)
    if n_points in (0, len(record.curve)):
        return None
    _, so_far = record.so_far(n_points)
    return objective.gain(so_far), record.curve[n_points - 1].loss, record.gain
