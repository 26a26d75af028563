"""Starting Ray on this machine, or joining a Ray cluster, for a search."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray

from search.cluster.ray_address import check_address, ray_errors_as_user_errors
from search.cluster.ray_files import (
    hidden_token,
    mark_session,
    private_folder,
    remove_old_sessions,
    require_room,
    session_of_this_process,
)
from search.cluster.ray_watch import watching_ray
from search.cluster.shipped_code import copy_code
from search.study.console import doing
from search.study.errors import WorkFailed
from trainable.environment_fault import environment_fault
from trainable.private.ray import (
    OVERRIDE_JOBS_ENVIRONMENT,
    WITHOUT_METRICS,
    in_folder,
    on_loopback,
)
from trainable.private.tune import FAILURES_LOGGER, SETTINGS
from trainable.users_folder import scratch_folder

_REASON_LETTERS = 300  # of Ray's messages, which can be a page


@contextmanager
def local_ray() -> Iterator[None]:
    """Start a Ray of its own on this machine, and stop it at the context's end.

    A cluster that already runs here is not joined. The sessions of dead drivers are removed.

    Raises:
        UserError: other users cannot be kept out of Ray's sessions or from its token.
        WorkFailed: Ray did not start, or died meanwhile.
    """
    _set_up()
    hidden_token()
    folder = private_folder()
    remove_old_sessions(folder)
    require_room(folder)
    with (
        doing("starting Ray"),
        on_loopback(),
        _failing_in_one_line(folder),
        _hushed(folder),
        _keeping_sigterm(),
    ):
        ray.init(
            address="local",
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parents[2])}},
            **in_folder(folder),
        )
    mark_session(folder)
    try:
        with watching_ray(
            head_gone="Ray's gcs_server on this machine has died; resume the study",
            raylet_gone="Ray's raylet on this machine has died; resume the study",
        ):
            yield
    finally:
        with doing("stopping Ray"):
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
    with scratch_folder() as folder:
        copy_code(folder)
        with (
            doing(f"joining the Ray cluster at {address}"),
            ray_errors_as_user_errors(address),
            _hushed(private_folder()),
            _keeping_sigterm(),
        ):
            ray.init(
                address=address,
                log_to_driver=False,
                configure_logging=False,
                # Not as Ray's py_modules: a worker would find the driver's folder before
                # those, which may hold another version.
                runtime_env={"working_dir": str(folder)},
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
        with doing("stopping Ray"):
            ray.shutdown()


def _set_up() -> None:
    for name, value in (WITHOUT_METRICS | SETTINGS).items():
        os.environ.setdefault(name, value)
    # Ray warns of what cannot be changed here: its token is on, /dev/shm is small.
    logging.getLogger("ray").setLevel(logging.ERROR)
    # At the end Tune warns that there is no result.json; the results are in our records.
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    logging.getLogger(FAILURES_LOGGER).addFilter(_without_traceback)


@contextmanager
def _failing_in_one_line(folder: Path) -> Iterator[None]:
    """Turn an exception of Ray's at its start into one line that names its log.

    Raises:
        WorkFailed: Ray raised an exception.
    """
    try:
        yield
    except Exception as error:  # Ray raises Exception itself, too
        session = session_of_this_process(folder)
        logs = "" if session is None else f"; its log: {session / 'logs'}"
        reason = " ".join(str(error).split()).partition(". ")[0][:_REASON_LETTERS].rstrip(".")
        raise WorkFailed(f"Ray did not start on this machine: {reason}{logs}") from error


@contextmanager
def _hushed(folder: Path) -> Iterator[None]:
    """Send what Ray's C++ code writes to stderr to the file ``start.log`` in ``folder``."""
    folder.mkdir(exist_ok=True)
    stderr = os.dup(2)
    try:
        with (folder / "start.log").open("w") as log:
            os.dup2(log.fileno(), 2)
            yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


@contextmanager
def _keeping_sigterm() -> Iterator[None]:
    """Keep the handler of SIGTERM, which ``ray.init`` replaces: records could not be closed.

    Ray's C++ code replaces it too, for the last tenths of a second. Then SIGTERM writes a trace
    to stderr and ends the process at once.
    """
    handler = signal.getsignal(signal.SIGTERM)
    try:
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, handler)
    except SystemExit as error:  # of Ray's own handler, which may act within the finally too
        raise KeyboardInterrupt from error


def _without_traceback(message: logging.LogRecord) -> bool:
    """Log filter: faults of a trial's environment become one line; others keep their traceback."""
    error = message.exc_info[1] if message.exc_info else None
    if error is not None and environment_fault(error) is not None:
        # Ray's wrapper of a trial's error has the error's type, too.
        reason = " ".join(str(getattr(error, "cause", error)).split())
        message.msg, message.args = f"{message.getMessage()}: {reason}", ()
        message.exc_info = None
    return True
