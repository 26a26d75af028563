"""Trials valued anew by another objective or a shorter budget, from their curves."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from search.study.agreement import horizon_faults
from search.study.config import StudyConfig, put_setting
from search.study.trial_record import TrialRecord
from spaces.errors import UserError
from spaces.expression import ExpressionError
from spaces.faults import faults_of
from trainable.aucc import aucc
from trainable.config import CLOCKS, Budget, ObjectiveConfig, TrialConfig
from trainable.curve import Point
from trainable.objective import Progress, objective_values


def other_objective(
    config: StudyConfig, names: Sequence[str], overrides: Sequence[str]
) -> ObjectiveConfig:
    """The study's objective with another name, or with several for a front.

    Args:
        names: one, two or three objectives; the study's own if there is none.
        overrides: further settings of ``[objective]`` as ``KEY=VALUE``.

    Raises:
        UserError: they break a rule, or the study has no budget on the clock.
    """
    objective = config.objective.model_dump(mode="json")
    if names:
        named = {"name": names[0], "of": ()} if len(names) == 1 else {"name": "pareto", "of": names}
        objective |= {**named, "at": None}
    values: dict[str, Any] = {"objective": objective}
    for override in overrides:
        put_setting(values, f"objective.{override.removeprefix('objective.')}")
    try:
        found = ObjectiveConfig.model_validate(values["objective"])
    except ValidationError as error:
        raise UserError(faults_of(error, "--objective", ObjectiveConfig)) from error
    if faults := horizon_faults(config.budget, None, found):
        raise UserError("\n".join(f"--objective: {fault}" for fault in faults))
    return found


def revalued(
    records: Sequence[TrialRecord], objective: ObjectiveConfig, *, place: str = "--objective"
) -> list[TrialRecord]:
    """The records with AUCC and objective as they would be under ``objective``.

    Args:
        place: names the objective in errors.

    Raises:
        UserError: an expression has no value for a trial.
    """
    return [_revalued(record, objective, place) if record.curve else record for record in records]


def within_budget(record: TrialRecord, budget: Budget) -> TrialRecord | None:
    """The trial as ``budget`` would have ended it; None if it ended before that.

    Learning rate and batches do not depend on the budget, so a longer trial begins as a shorter
    one. Where it was not validated at the shorter one's end, the last point lies on the line
    between two validations. AUCC and objective stay the longer trial's.
    """
    end = next((n for n, point in enumerate(record.curve) if _reach(point, budget) >= 1), None)
    if end is None:
        return None
    last = record.curve[end]
    if _reach(last, budget) > 1:
        if end == 0:
            return None
        last = _between(record.curve[end - 1], last, budget)
    config = record.config.model_copy(update={"budget": budget})
    curve = (*record.curve[:end], last)
    return dataclasses.replace(record, state="completed", reason=None, config=config, curve=curve)


def _reach(point: Point, budget: Budget) -> float:
    """The largest share of a limit of ``budget`` that is spent at ``point``."""
    return max(
        point.at(clock) / limit for clock in CLOCKS if (limit := budget.on(clock)) is not None
    )


def _between(before: Point, after: Point, budget: Budget) -> Point:
    """The point at the end of ``budget`` on the line from ``before`` to ``after``."""
    share = min(
        (limit - before.at(clock)) / (after.at(clock) - before.at(clock))
        for clock in CLOCKS
        if (limit := budget.on(clock)) is not None
    )
    first, second = before.to_dict(), after.to_dict()
    values = {name: first[name] + share * (second[name] - first[name]) for name in first}
    whole = {name: round(values[name]) for name in ("updates", "tokens")}
    return Point.from_dict({**values, **whole})


def _revalued(record: TrialRecord, objective: ObjectiveConfig, place: str) -> TrialRecord:
    config: TrialConfig = record.config.model_copy(update={"objective": objective})
    area = aucc(
        record.curve,
        clock=objective.clock,
        horizon=config.horizon,
        hold_last=record.state == "completed",
    )
    progress = Progress(curve=record.curve, aucc=area, counts=record.counts)
    try:
        first, *_ = objective_values(objective, progress)
    except ExpressionError as error:
        raise UserError(f"{place}: trial {record.id}: {error}") from error
    return dataclasses.replace(record, config=config, aucc=area, objective=first)
