"""Trials valued anew by another objective, from their curves."""

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
from trainable.config import ObjectiveConfig, TrialConfig
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


def revalued(records: Sequence[TrialRecord], objective: ObjectiveConfig) -> list[TrialRecord]:
    """The records with AUCC and objective as they would be under ``objective``.

    Raises:
        UserError: an expression has no value for a trial.
    """
    return [_revalued(record, objective) if record.curve else record for record in records]


def _revalued(record: TrialRecord, objective: ObjectiveConfig) -> TrialRecord:
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
        raise UserError(f"--objective: trial {record.id}: {error}") from error
    return dataclasses.replace(record, config=config, aucc=area, objective=first)
