"""Whether a Ray cluster can be joined at an address; what to do where it cannot."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from spaces.errors import UserError
from trainable.private.ray import GREETING, cluster_at, take_up_token

_PATIENCE_S = 20.0
_TOKEN = (
    "the cluster asks for its token; set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to the "
    "file that holds it"
)


def check_address(address: str) -> None:
    """See whether a cluster lets us in at ``address``, in seconds where Ray takes minutes.

    Raises:
        UserError: it does not; or Ray Client is asked for, which cannot run a search.
    """
    if "://" in address:
        raise UserError(
            f"--address {address}: over Ray Client the search itself, with its records, would run "
            "on the cluster's head and end with this connection; use: reservoir-search submit"
        )
    if address == "auto":  # as Ray does: its token goes to no other address unasked
        take_up_token()
    found = _host_and_port(address)
    host, _, port = found.rpartition(":")
    require_answer(address, host.strip("[]"), int(port))
    _greet(address, found)


def require_answer(address: str, host: str, port: int) -> None:
    """See whether anything listens at ``address``.

    Raises:
        UserError: nothing does, or it cannot be reached.
    """
    try:
        socket.create_connection((host, port), timeout=_PATIENCE_S).close()
    except OSError as error:
        raise UserError(
            f"--address {address}: cannot be reached ({error.strerror or error}); start the "
            "cluster with `ray start --head`, or give the address that it told"
        ) from error


def _host_and_port(address: str) -> str:
    try:
        found = cluster_at(address)
    except ConnectionError:
        found = None
    except (ValueError, OSError) as error:
        raise UserError(
            f"--address {address}: no such address ({error}); give auto or HOST:PORT"
        ) from error
    if found is None:
        raise UserError(
            f"--address {address}: no cluster runs on this machine; start one with "
            "`ray start --head`, or join one with `ray start --address HOST:6379`"
        )
    return found


def _greet(address: str, found: str) -> None:
    """Let a process of its own say hello: Ray waits long, and tells its troubles to stderr."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", GREETING, found],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"--address {address}: something answers there that is no Ray cluster; give the port "
            "that `ray start --head` told, which is 6379 unless chosen"
        ) from error
    if "AuthenticationError" in done.stderr:
        raise UserError(f"--address {address}: {_TOKEN}")
    if done.returncode:
        raise UserError(f"--address {address}: {done.stderr.strip().splitlines()[-1]}")


@contextmanager
def joining(address: str) -> Iterator[None]:
    """Tell in one line what Ray says when this machine does not fit the cluster.

    Raises:
        UserError: for what Ray raised.
    """
    try:
        yield
    except ray.exceptions.AuthenticationError as error:
        raise UserError(f"--address {address}: {_TOKEN}") from error
    except (ConnectionError, RuntimeError, ValueError) as error:
        told = " ".join(str(error).split())
        raise UserError(
            f"--address {address}: {told.rstrip('.')}; run the command on a machine of the "
            "cluster, with its versions of Ray and Python, or use: reservoir-search submit"
        ) from error
