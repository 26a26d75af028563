"""The Ray that trials run on: this machine's alone, or a cluster's."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray
from ray.exceptions import RayActorError

from search.cluster.private_ray import hide_token, on_loopback, private_folder
from search.cluster.ray_address import check_address, joining
from search.cluster.ray_watch import watching_ray
from search.cluster.shipped_code import copy_code

_SETTINGS = {
    # Nobody collects them, and the thread that sends them can crash its process (ray#60048).
    "RAY_enable_metrics_collection": "0",
    "RAY_enable_open_telemetry": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # Progress shows what matters; the old output can be silenced
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow has it all
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # failed trials have no metric
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is ours to handle
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",  # it costs little here
}


@contextmanager
def local_ray() -> Iterator[None]:
    """Ray on this machine, for as long as the context lasts; never a cluster that runs here."""
    _set_up()
    with on_loopback():
        ray.init(
            address="local",
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parents[2])}},
            _temp_dir=str(private_folder()),
        )
    hide_token()
    try:
        with watching_ray(
            head_gone="Ray's gcs_server on this machine has died; resume the study",
            raylet_gone="Ray's raylet on this machine has died; resume the study",
        ):
            yield
    finally:
        ray.shutdown()


@contextmanager
def cluster_ray(address: str) -> Iterator[None]:
    """The Ray cluster at ``address``, whose workers get the code that runs here.

    Raises:
        UserError: it cannot be joined.
    """
    _set_up()
    check_address(address)
    # A job that we run in has shipped its code too; that of this process is what counts.
    os.environ["RAY_OVERRIDE_JOB_RUNTIME_ENV"] = "1"
    with tempfile.TemporaryDirectory(prefix="reservoir-search-") as folder:
        copy_code(Path(folder))
        with joining(address):
            ray.init(
                address=address,
                log_to_driver=False,
                configure_logging=False,
                # As its working folder: before Ray's py_modules, a worker would look into the
                # driver's folder, in which another version may stand.
                runtime_env={"working_dir": folder},
            )
    try:
        with watching_ray(
            head_gone=f"the head of the Ray cluster at {address} is gone; start one again, "
            "then resume the study",
            raylet_gone=f"this machine's raylet of the Ray cluster at {address} is gone; "
            "join the cluster again, then resume the study",
        ):
            yield
    finally:
        ray.shutdown()


def _set_up() -> None:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    # Tune warns at the end that it finds no result.json: results are in our records.
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    logging.getLogger("ray.tune.execution.tune_controller").addFilter(_without_traceback)


def _without_traceback(message: logging.LogRecord) -> bool:
    """What the machine did to a trial is told in a line; what the code did, with its traceback."""
    error = message.exc_info[1] if message.exc_info else None
    if isinstance(error, (OSError, RayActorError)):  # as Ray hands them on from a trial
        told = " ".join(str(getattr(error, "cause", error)).split())
        message.msg, message.args = f"{message.getMessage()}: {told}", ()
        message.exc_info = None
    return True
