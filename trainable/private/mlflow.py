"""Parts of MLflow that are not its documented interface.

An upgrade of MLflow may take away any of them, and tests/test_private_parts.py then fails.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote


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
