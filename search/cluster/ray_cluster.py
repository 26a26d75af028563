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

from search.cluster.ray_address import check_address, joining
from search.cluster.ray_files import hidden_token, private_folder
from search.cluster.ray_watch import watching_ray
from search.cluster.shipped_code import copy_code
from trainable.private.ray import (
    OVERRIDE_JOBS_ENVIRONMENT,
    WITHOUT_METRICS,
    in_folder,
    on_loopback,
)
from trainable.private.tune import FAILURES_LOGGER, SETTINGS


@contextmanager
def local_ray() -> Iterator[None]:
    """Ray on this machine, for as long as the context lasts; never a cluster that runs here."""
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
    """The Ray cluster at ``address``, whose workers get the code that runs here.

    Raises:
        UserError: it cannot be joined.
    """
    _set_up()
    check_address(address)
    # A job that we run in has shipped its code too; that of this process is what counts.
    os.environ.update(OVERRIDE_JOBS_ENVIRONMENT)
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
    for name, value in (WITHOUT_METRICS | SETTINGS).items():
        os.environ.setdefault(name, value)
    # Tune warns at the end that it finds no result.json: results are in our records.
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    logging.getLogger(FAILURES_LOGGER).addFilter(_without_traceback)


def _without_traceback(message: logging.LogRecord) -> bool:
    """What the machine did to a trial is told in a line; what the code did, with its traceback."""
    error = message.exc_info[1] if message.exc_info else None
    if isinstance(error, (OSError, RayActorError)):  # as Ray hands them on from a trial
        told = " ".join(str(getattr(error, "cause", error)).split())
        message.msg, message.args = f"{message.getMessage()}: {told}", ()
        message.exc_info = None
    return True
