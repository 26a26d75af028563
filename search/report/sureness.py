"""How sure it is that the best trial's layout is the best."""

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
class Noise:
    """How far a trial moves from seed to seed, and what that says of the gap."""

    deviation: float  # of the logarithm of the objective, pooled over the layouts
    freedom: int
    n_layouts: int  # with two seeds or more
    low: float  # of the gap's interval, a part of the runner-up's objective
    high: float
    n_rivals: int  # layouts that this noise does not tell from the winner


@dataclass(frozen=True, slots=True, kw_only=True)
class Sureness:
    """The best trial's candidate against the next one."""

    n_candidates: int
    runner_up: TrialRecord  # its candidate's best trial
    gap: float  # of the means over seeds, a part of the runner-up's: 0.05 is 5 % above
    noise: Noise | None  # None: no candidate was trained with two seeds


def sureness(best: TrialRecord, compared: Sequence[TrialRecord]) -> Sureness | None:
    """How ``best`` stands among the trials it is compared with; None where it is alone.

    Everything is reckoned with the objective's logarithm, whose noise is about the same for
    good and bad layouts. Trials that reached nothing are left out.
    """
    logs: dict[str, list[float]] = defaultdict(list)
    for record in compared:
        if record.objective is not None and record.objective > 0:
            logs[_candidate(record)].append(math.log(record.objective))
    first = _candidate(best)
    if first not in logs or len(logs) < 2:
        return None
    means = {key: fmean(values) for key, values in logs.items()}
    second = max((key for key in means if key != first), key=lambda key: means[key])
    runner_up = max(
        (record for record in compared if _candidate(record) == second),
        key=lambda record: record.objective or 0.0,
    )
    return Sureness(
        n_candidates=len(logs),
        runner_up=runner_up,
        gap=math.exp(means[first] - means[second]) - 1,
        noise=_noise(logs, best=first, second=second),
    )


def _candidate(record: TrialRecord) -> str:
    """Equal for trials that differ in nothing but the seed."""
    return record.config.model_dump_json(exclude={"seed"})


def _noise(logs: Mapping[str, Sequence[float]], *, best: str, second: str) -> Noise | None:
    repeated = [values for values in logs.values() if len(values) > 1]
    freedom = sum(len(values) - 1 for values in repeated)
    if freedom == 0:
        return None
    squares = sum((value - fmean(values)) ** 2 for values in repeated for value in values)
    deviation = math.sqrt(squares / freedom)
    reach = float(stats.t.ppf(1 - SIGNIFICANCE / 2, freedom)) * deviation

    def half(key: str) -> float:
        """Half the interval of the difference to the best."""
        return reach * math.sqrt(1 / len(logs[best]) + 1 / len(logs[key]))

    means = {key: fmean(values) for key, values in logs.items()}
    difference = means[best] - means[second]
    return Noise(
        deviation=deviation,
        freedom=freedom,
        n_layouts=len(repeated),
        low=math.exp(difference - half(second)) - 1,
        high=math.exp(difference + half(second)) - 1,
        n_rivals=sum(means[best] - means[key] <= half(key) for key in means if key != best),
    )
