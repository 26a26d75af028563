"""An ended trial's record, read back from its run in MLflow."""

from __future__ import annotations

import csv
import dataclasses
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from search.study.trained_candidate import candidate_of
from search.study.trial_record import Role, TrialRecord
from search.tracking.curve_files import read_curve_csv
from search.tracking.trial_runs import (
    CONFIG,
    CURVE,
    REFERENCE,
    STATUS,
    TEACHER,
    is_of_earlier_version,
    sent_points,
)
from spaces.counts import ParamCounts
from spaces.errors import UserError
from spaces.layout import Layout
from spaces.space import SearchSpace
from trainable.config import TrialConfig
from trainable.curve import Point
from trainable.dynamics.measure import DYNAMICS_MEASURES
from trainable.teacher_cost import TeacherCost


def recorded_trial(
    client: MlflowClient, run: Run, *, id_: int, space: SearchSpace, optuna_number: int
) -> TrialRecord | None:
    """Record of the ended trial whose run is ``run``: the inverse of ``TrialRuns.send``.

    Returns:
        The record, exactly as it was sent; None if the run does not have all of it.

    Raises:
        MlflowException: MLflow cannot be read.
    """
    state: Any = run.data.tags.get("state")
    if state not in STATUS or state == "running":
        return None
    try:
        config, curve = _files(client, run)
        if _sent_scores(client, run) != [(point.updates, point.score) for point in curve]:
            return None
        return dataclasses.replace(
            _described(run, config, space, id_=id_, optuna_number=optuna_number),
            state=state,
            curve=curve,
            dynamics=_dynamics(client, run),
            mlflow_run_id=str(run.info.run_id),
        )
    except (OSError, ValueError, KeyError, TypeError, UserError, csv.Error):
        return None  # a file is gone or damaged, or a parameter


def _files(client: MlflowClient, run: Run) -> tuple[TrialConfig, tuple[Point, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in (CONFIG, CURVE):
                client.download_artifacts(run.info.run_id, name, folder)
        except MlflowException as error:
            raise FileNotFoundError(str(error)) from error
        config = TrialConfig.model_validate_json(Path(folder, CONFIG).read_bytes())
        return config, read_curve_csv(Path(folder, CURVE))


def _sent_scores(client: MlflowClient, run: Run) -> list[tuple[int, float]]:
    name = "bleu" if is_of_earlier_version(run) else "score"
    return sent_points(client, run.info.run_id, name)


def _described(
    run: Run, config: TrialConfig, space: SearchSpace, *, id_: int, optuna_number: int
) -> TrialRecord:
    """Record without its curve, from the run's parameters, tags and final measures."""
    params, tags, metrics = run.data.params, run.data.tags, run.data.metrics
    counts = {name: int(params[f"n_params_{name}"]) for name in _COUNTS}
    memory_mib = metrics.get("peak_memory_mib")
    proxy = params.get("proxy")
    return TrialRecord(
        id=id_,
        layout=Layout.parse(params["layout"]),
        key=candidate_of(config, space).key,
        config=config,
        counts=ParamCounts(**counts),
        optuna_number=optuna_number,
        metric=tags.get("metric", "BLEU"),
        reason=tags.get("reason") or None,
        aucc=metrics.get("aucc_final"),
        objective=metrics.get("objective_final"),
        host=tags.get("host") or None,
        n_epochs=metrics.get("n_epochs"),
        # None only before the first validation; 0 is not sent.
        warmup_s=metrics.get("warmup_s", 0.0 if "n_epochs" in metrics else None),
        peak_memory_bytes=None if memory_mib is None else round(memory_mib * 2**20),
        proxy=None if proxy is None else float(proxy),
        reference=role_of(run),
        teacher=_teacher(params),
    )


def _teacher(params: Mapping[str, str]) -> TeacherCost | None:
    if f"{TEACHER}seconds" not in params:
        return None
    return TeacherCost(
        n_params_total=int(params[f"{TEACHER}n_params_total"]),
        flops=float(params[f"{TEACHER}flops"]),
        seconds=float(params[f"{TEACHER}seconds"]),
    )


def role_of(run: Run) -> Role | None:
    """Role of the run's trial; None of a trial that is no reference."""
    role: Role
    for role in get_args(Role):
        if run.data.tags.get(REFERENCE) == role:
            return role
    return None


def _dynamics(client: MlflowClient, run: Run) -> Mapping[str, Mapping[str, float]]:
    by_update: dict[str, dict[str, float]] = defaultdict(dict)
    for name in DYNAMICS_MEASURES:
        if name in run.data.metrics:
            for metric in client.get_metric_history(run.info.run_id, name):
                by_update[str(metric.step)][name] = metric.value
    return dict(by_update)


_COUNTS = tuple(field.name for field in dataclasses.fields(ParamCounts))
