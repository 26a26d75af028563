"""Parts of MLflow that are not its documented interface.

An upgrade of MLflow may take away any of them, and tests/test_private_parts.py then fails.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote


def server_environment(store: str) -> dict[str, str]:
    """Variables that ``mlflow server`` reads: the address of its store, and to run no jobs.

    The address goes by the environment and not by ``--backend-store-uri``: everyone may read
    a command line, and a database's address may hold a password. The processes of the jobs,
    which are for language models, take longer to start than the server. When the second is
    gone, see whether they are.
    """
    return {"MLFLOW_BACKEND_STORE_URI": store, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def runs_page(base: str, experiment_id: str) -> str:
    """The address of an experiment's table of runs, on the server at ``base``.

    Without the workflow's type MLflow opens its page for language models, which is empty.
    """
    return f"{base}/#/experiments/{experiment_id}/runs?workflowType=machine_learning"


def compared_runs_page(base: str, experiment_id: str, run_ids: Sequence[str]) -> str:
    """The address of the page with parallel coordinates over runs, on the server at ``base``.

    When the page is gone, give the table of runs.
    """
    runs, experiments = quote(json.dumps(list(run_ids))), quote(json.dumps([experiment_id]))
    return f"{base}/#/compare-runs?runs={runs}&experiments={experiments}"
