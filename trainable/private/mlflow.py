"""Parts of MLflow that are not its documented interface.

An upgrade of MLflow may take away any of them, and tests/test_private_parts.py then fails.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlflow.store.model_registry.dbmodels.models import SqlModelVersion
from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlLoggedModel, SqlRun
from mlflow.tracking._tracking_service.utils import _use_tracking_uri
from sqlalchemy import create_engine, select, true, update

_STORE = "MLFLOW_TRACKING_URI"


def server_environment(store: str) -> dict[str, str]:
    """Environment variables for ``mlflow server``: its store's address, and no job processes.

    The address is not passed by ``--backend-store-uri``: every user of the machine can read a
    command line, and a database's address may contain a password. The job processes, which
    are for language models, take longer to start than the server. If an upgrade removes the
    second variable, check whether the job processes are gone too.
    """
    return {"MLFLOW_BACKEND_STORE_URI": store, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def runs_page(
    base: str, experiment_id: str, *, view: str | None = None, charts: bool = False
) -> str:
    """URL of an experiment's runs, on the server at ``base``.

    Without ``workflowType`` MLflow opens its page for language models, which is empty.

    Args:
        base: the server's address.
        experiment_id: the experiment's.
        view: key of a view in the experiment's tags, by which the page opens.
        charts: open on the charts instead of the table.
    """
    page = f"{base}/#/experiments/{experiment_id}/runs?workflowType=machine_learning"
    if charts:
        page += "&compareRunsMode=CHART"
    return page if view is None else f"{page}&viewStateShareKey={view}"


def view_tag(
    key: str, *, runs: str, order: str, columns: Sequence[str], axes: Sequence[str]
) -> tuple[str, str]:
    """Tag of an experiment with a view of its runs, which MLflow calls shared.

    MLflow writes such tags when a view is shared from its page. If an upgrade changes them, use
    the pages without a view.

    Args:
        key: the view's, in the address.
        runs: search expression of the runs.
        order: metric by which they are sorted, the highest first.
        columns: columns of the table, as ``metrics.`NAME```.
        axes: axes of the parallel coordinates, likewise parameters and metrics.
    """
    kinds = [axis.replace("`", "").split(".", maxsplit=1) for axis in axes]
    chart = {
        "type": "PARALLEL",
        "uuid": key,
        "metricSectionId": key,
        "selectedParams": [name for kind, name in kinds if kind == "params"],
        "selectedMetrics": [name for kind, name in kinds if kind == "metrics"],
        "showAllRuns": True,
    }
    view = {
        "searchFilter": runs,
        "orderByKey": f"metrics.`{order}`",
        "orderByAsc": False,
        "selectedColumns": list(columns),
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": [chart],
        "compareRunSections": [
            {"uuid": key, "name": key, "display": True, "columns": 1, "cardHeight": 400}
        ],
    }
    return f"mlflow.sharedViewState.{key}", json.dumps(view)


def move_artifacts(store: str, experiment_id: str, *, before: str, now: str) -> None:
    """Record in an SQLite store that an experiment's artifacts are in another folder now.

    MLflow keeps absolute addresses and has no call that changes them. What has its artifacts
    at the old place, and not at the new one, keeps its address: a run, a model, a registered
    version of a model.

    Args:
        store: tracking URI of the store.
        before, now: the folder's old and new address, as ``file:`` URIs.
    """
    id_ = int(experiment_id)
    kept: Any = (
        (SqlRun, SqlRun.artifact_uri, SqlRun.experiment_id == id_),
        (SqlLoggedModel, SqlLoggedModel.artifact_location, SqlLoggedModel.experiment_id == id_),
        # Versions name no experiment; those of others are not below its folder.
        (SqlModelVersion, SqlModelVersion.storage_location, true()),
    )
    engine = create_engine(store)
    with engine.begin() as connection:
        of_experiment = update(SqlExperiment).where(SqlExperiment.experiment_id == id_)
        connection.execute(of_experiment.values(artifact_location=now))
        for table, address, is_ours in kept:
            for (uri,) in connection.execute(select(address).where(is_ours).distinct()).all():
                moved = now + str(uri).removeprefix(before)
                is_below = str(uri).startswith(f"{before}/")
                if is_below and (_path(moved).exists() or not _path(uri).exists()):
                    rows = update(table).where(is_ours, address == uri)
                    connection.execute(rows.values({address: moved}))
    engine.dispose()


@contextmanager
def store_in_use(uri: str) -> Iterator[None]:
    """Make ``uri`` the store of MLflow's functions that take none, such as ``Model.log``.

    MLflow notes it in ``MLFLOW_TRACKING_URI`` too, and takes that variable away afterwards. If
    an upgrade removes the function, set the URI and put back what was there.
    """
    before = os.environ.get(_STORE)
    try:
        with _use_tracking_uri(uri):
            yield
    finally:
        if before is not None:
            os.environ[_STORE] = before


def _path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))
