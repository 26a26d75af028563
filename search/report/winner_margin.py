"""Margin of the best trial over the runner-up, against the noise between seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy import stats

from search.stats.significance import SIGNIFICANCE
from search.study.trial_record import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedNoise:
    """Standard deviation between seeds, and the gap's confidence interval from it."""

    deviation: float  # standard deviation of log objective, pooled over candidates
    n_degrees: int  # of freedom
    n_candidates: int  # with two seeds or more
    low: float  # 95 % confidence interval of the gap, relative as the gap
    high: float
    n_rivals: int  # other candidates that do not differ significantly from the winner


@dataclass(frozen=True, slots=True, kw_only=True)
class WinnerMargin:
    """Margin of the best trial's candidate over the next one."""

    n_candidates: int  # completed
    runner_up: TrialRecord  # best trial of the next candidate
    gap: float  # ratio of geometric means over seeds minus 1: 0.05 is 5 % above
    noise: SeedNoise | None  # None if no candidate was trained with two seeds


def winner_margin(best: TrialRecord, compared: Sequence[TrialRecord]) -> WinnerMargin | None:
    """Margin of ``best`` over the next candidate; None if there is no other.

    Computed with the logarithm of the objective, whose noise is about the same for good and
    bad layouts. Trials with objective 0 are left out.
    """
    logs: dict[str, list[float]] = defaultdict(list)
    for record in compared:
        if record.objective is not None and record.objective > 0:
            # Of an objective that falls, the smaller is above by as much.
            gain = record.config.objective.goals[0].gain(math.log(record.objective))
            logs[_candidate(record)].append(gain)
    first = _candidate(best)
    if first not in logs or len(logs) < 2:
        return None
    means = {key: fmean(values) for key, values in logs.items()}
    second = max((key for key in means if key != first), key=lambda key: means[key])
    runner_up = max(
        (record for record in compared if _candidate(record) == second),
        key=lambda record: record.gain,
    )
    return WinnerMargin(
        n_candidates=len(logs),
        runner_up=runner_up,
        gap=math.exp(means[first] - means[second]) - 1,
        noise=_noise(logs, best=first, second=second),
    )


def _candidate(record: TrialRecord) -> str:
    """Key of a trial's candidate: its settings without the seed."""
    return record.config.model_dump_json(exclude={"seed"})


def _noise(logs: Mapping[str, Sequence[float]], *, best: str, second: str) -> SeedNoise | None:
    repeated = [values for values in logs.values() if len(values) > 1]
    n_degrees = sum(len(values) - 1 for values in repeated)
    if n_degrees == 0:
        return None
    squares = sum((value - fmean(values)) ** 2 for values in repeated for value in values)
    deviation = math.sqrt(squares / n_degrees)
    critical_value = float(stats.t.ppf(1 - SIGNIFICANCE / 2, n_degrees)) * deviation

    def half_interval(key: str) -> float:
        """Half the confidence interval of the difference to the best candidate."""
        return critical_value * math.sqrt(1 / len(logs[best]) + 1 / len(logs[key]))

    means = {key: fmean(values) for key, values in logs.items()}
    difference = means[best] - means[second]
    return SeedNoise(
        deviation=deviation,
        n_degrees=n_degrees,
        n_candidates=len(repeated),
        low=math.exp(difference - half_interval(second)) - 1,
        high=math.exp(difference + half_interval(second)) - 1,
        n_rivals=sum(
            means[best] - means[key] <= half_interval(key) for key in means if key != best
        ),
    )
