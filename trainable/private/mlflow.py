"""Parts of MLflow that are not its documented interface.

An upgrade of MLflow may take away any of them, and tests/test_private_parts.py then fails.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlRun
from sqlalchemy import create_engine, select, update


def server_environment(store: str) -> dict[str, str]:
    """Environment variables for ``mlflow server``: its store's address, and no job processes.

    The address is not passed by ``--backend-store-uri``: every user of the machine can read a
    command line, and a database's address may contain a password. The job processes, which
    are for language models, take longer to start than the server. If an upgrade removes the
    second variable, check whether the job processes are gone too.
    """
    return {"MLFLOW_BACKEND_STORE_URI": store, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def runs_page(base: str, experiment_id: str) -> str:
    """URL of an experiment's table of runs, on the server at ``base``.

    Without ``workflowType`` MLflow opens its page for language models, which is empty.
    """
    return f"{base}/#/experiments/{experiment_id}/runs?workflowType=machine_learning"


def compared_runs_page(base: str, experiment_id: str, run_ids: Sequence[str]) -> str:
    """URL of the page that compares runs by parallel coordinates, on the server at ``base``.

    If an upgrade removes the page, use the table of runs.
    """
    runs, experiments = quote(json.dumps(list(run_ids))), quote(json.dumps([experiment_id]))
    return f"{base}/#/compare-runs?runs={runs}&experiments={experiments}"


def move_artifacts(store: str, experiment_id: str, *, before: str, now: str) -> None:
    """Record in an SQLite store that an experiment's artifacts are in another folder now.

    MLflow keeps absolute addresses and has no call that changes them. A run whose artifacts
    are at the old place, and not at the new one, keeps its address.

    Args:
        store: tracking URI of the store.
        before, now: the folder's old and new address, as ``file:`` URIs.
    """
    id_ = int(experiment_id)
    engine = create_engine(store)
    with engine.begin() as connection:
        of_experiment = update(SqlExperiment).where(SqlExperiment.experiment_id == id_)
        connection.execute(of_experiment.values(artifact_location=now))
        of_runs: Any = select(SqlRun.run_uuid, SqlRun.artifact_uri)
        of_runs = of_runs.where(SqlRun.experiment_id == id_)
        for run_id, uri in connection.execute(of_runs).all():
            moved = now + uri.removeprefix(before)
            is_below = uri.startswith(f"{before}/")
            if is_below and (_path(moved).exists() or not _path(uri).exists()):
                of_run = update(SqlRun).where(SqlRun.run_uuid == run_id)
                connection.execute(of_run.values(artifact_uri=moved))
    engine.dispose()


def _path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))
