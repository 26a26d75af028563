"""Values of a trial's objectives, from its curve and its parameter counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from spaces.counts import ParamCounts
from spaces.expression import ExpressionError
from trainable.aucc import best_point, minimum_loss_point, score_at
from trainable.config import ObjectiveConfig, Parameters
from trainable.curve import Point
from trainable.quantities import Goal, parsed


def mparams(counts: ParamCounts, parameters: Parameters) -> float:
    """Number of the parameters selected by ``parameters``, in millions."""
    n_params: int = getattr(counts, parameters)
    return n_params / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A trial so far: its validations, the area under them, and its size."""

    curve: Sequence[Point]
    aucc: float
    counts: ParamCounts


_VALUES: Mapping[str, Callable[[Progress, ObjectiveConfig], float]] = {
    "aucc": lambda progress, _: progress.aucc,
    "score": lambda progress, _: best_point(progress.curve).score,
    "last_score": lambda progress, _: progress.curve[-1].score,
    "score_at": lambda progress, config: score_at(
        progress.curve, clock=config.clock, reading=config.reading
    ),
    "loss": lambda progress, _: minimum_loss_point(progress.curve).loss,
    "last_loss": lambda progress, _: progress.curve[-1].loss,
    "seconds": lambda progress, _: progress.curve[-1].seconds,
    "updates": lambda progress, _: float(progress.curve[-1].updates),
    "tokens": lambda progress, _: float(progress.curve[-1].tokens),
    "flops": lambda progress, _: progress.curve[-1].flops,
    "mparams_total": lambda progress, _: mparams(progress.counts, "total"),
    "mparams_learned": lambda progress, _: mparams(progress.counts, "learned"),
    "mparams_stored": lambda progress, _: mparams(progress.counts, "stored"),
    "mparams_encoder": lambda progress, _: mparams(progress.counts, "encoder"),
}


def objective_value(config: ObjectiveConfig, progress: Progress) -> float:
    """Value of the objective for a trial so far; of several the first one's.

    Raises:
        ExpressionError: an expression has no finite value.
    """
    return objective_values(config, progress)[0]


def objective_values(config: ObjectiveConfig, progress: Progress) -> tuple[float, ...]:
    """Values of all objectives, in the order of ``config.goals``.

    Raises:
        ExpressionError: an expression has no finite value.
    """
    if config.name == "aucc_per_mparam":
        return (progress.aucc / mparams(progress.counts, config.parameters),)
    return tuple(goal_value(goal, config, progress) for goal in config.goals)


def goal_value(goal: Goal, config: ObjectiveConfig, progress: Progress) -> float:
    """Value of one objective for a trial so far.

    Raises:
        ExpressionError: an expression has no finite value.
    """
    if goal.text in _VALUES:
        return _VALUES[goal.text](progress, config)
    values = {name: _VALUES[name](progress, config) for name in goal.names}
    value = parsed(goal.text).evaluate(values)
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:  # a whole number beyond the range of floats
        number = math.inf
    if not math.isfinite(number):
        raise ExpressionError(f"'{goal.text}' is {value!r:.40}, which is no finite number")
    return number
