"""Settings of Ray and MLflow for every process of this program, from its environment."""

from __future__ import annotations

import os


def settle_libraries() -> None:
    """Set what Ray and MLflow read from the environment, unless the user has set it."""
    for name, value in {
        "RAY_USAGE_STATS_ENABLED": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout is for results
        # search/tracking tries again by itself; MLflow's own minutes of retries would hide that.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
        # Messages of Ray's processes to every driver, such as their last log lines when they die.
        "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    }.items():
        os.environ.setdefault(name, value)
