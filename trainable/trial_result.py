"""Result dict of a trial for Ray Tune."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from spaces.counts import ParamCounts
from trainable.config import ObjectiveConfig
from trainable.curve import Point
from trainable.objective import Progress, objective_value
from trainable.teacher_cost import TeacherCost


def trial_result(
    curve: Sequence[Point],
    *,
    area: float,
    objective: ObjectiveConfig,
    counts: ParamCounts,
    finished: bool,
    n_epochs: float,
    peak_memory_bytes: int,
    warmup_s: float = 0.0,
    dynamics: Mapping[str, float] = MappingProxyType({}),
    teacher: TeacherCost | None = None,
) -> dict[str, Any]:
    """Result for Tune, the searcher and the tracking, with the whole curve so far.

    Raises:
        ExpressionError: the objective has no finite value.
    """
    last = curve[-1]
    return {
        **last.to_dict(),
        "aucc": area,
        "objective": objective_value(objective, Progress(curve=curve, aucc=area, counts=counts)),
        "tokens_per_s": last.tokens / last.seconds,
        "curve": [point.to_dict() for point in curve],
        "finished": finished,
        "failure": None,
        "n_epochs": n_epochs,
        "peak_memory_bytes": peak_memory_bytes,
        "warmup_s": warmup_s,
        "dynamics": dict(dynamics),  # at the last point alone, if they are asked for
        **({} if teacher is None else {"teacher": asdict(teacher)}),
        "host": socket.gethostname(),
        "done": finished,
    }
