"""Starting Ray on this machine, or joining a Ray cluster, for a search."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray

from search.cluster.ray_address import check_address, ray_errors_as_user_errors
from search.cluster.ray_files import hidden_token, private_folder
from search.cluster.ray_watch import watching_ray
from search.cluster.shipped_code import copy_code
from trainable.environment_fault import environment_fault
from trainable.private.ray import (
    OVERRIDE_JOBS_ENVIRONMENT,
    WITHOUT_METRICS,
    in_folder,
    on_loopback,
)
from trainable.private.tune import FAILURES_LOGGER, SETTINGS


@contextmanager
def local_ray() -> Iterator[None]:
    """Start a Ray of its own on this machine, and stop it at the context's end.

    A cluster that already runs here is not joined.

    Raises:
        UserError: other users cannot be kept out of Ray's sessions or from its token.
        WorkFailed: Ray died meanwhile.
    """
    _set_up()
    hidden_token()
    with on_loopback():
        ray.init(
            address="local",
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parents[2])}},
            **in_folder(private_folder()),
        )
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
    """Join the Ray cluster at ``address``, and leave it at the context's end.

    Its workers get the code that runs here.

    Raises:
        UserError: the cluster cannot be joined.
        WorkFailed: its head or this machine's raylet stopped answering meanwhile.
    """
    _set_up()
    check_address(address)
    # If this process runs in a job, that job has shipped its code too; ours replaces it.
    os.environ.update(OVERRIDE_JOBS_ENVIRONMENT)
    with tempfile.TemporaryDirectory(prefix="reservoir-search-") as folder:
        copy_code(Path(folder))
        with ray_errors_as_user_errors(address):
            ray.init(
                address=address,
                log_to_driver=False,
                configure_logging=False,
                # Not as Ray's py_modules: a worker would find the driver's folder before
                # those, which may hold another version.
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
    for name, value in (WITHOUT_METRICS | SETTINGS).items():
        os.environ.setdefault(name, value)
    # At the end Tune warns that there is no result.json; the results are in our records.
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    logging.getLogger(FAILURES_LOGGER).addFilter(_without_traceback)


def _without_traceback(message: logging.LogRecord) -> bool:
    """Log filter: faults of a trial's environment become one line; others keep their traceback."""
    error = message.exc_info[1] if message.exc_info else None
    if error is not None and environment_fault(error) is not None:
        # Ray's wrapper of a trial's error has the error's type, too.
        reason = " ".join(str(getattr(error, "cause", error)).split())
        message.msg, message.args = f"{message.getMessage()}: {reason}", ()
        message.exc_info = None
    return True
