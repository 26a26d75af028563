"""The Ray cluster of this machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray

_SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",  # Progress shows what matters; the old output can be silenced
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow has it all
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # failed trials have no metric
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is ours to handle
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",  # it costs little here
}


@contextmanager
def local_ray() -> Iterator[None]:
    """Ray on this machine, for as long as the context lasts."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    # Tune warns at the end that it finds no result.json: results are in our records.
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    ray.init(
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parents[1])}},
    )
    try:
        yield
    finally:
        ray.shutdown()
