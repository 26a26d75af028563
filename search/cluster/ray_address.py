"""Checks of a Ray cluster's address, and error messages that name the remedy."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from spaces.errors import UserError
from trainable.private.ray import GREETING, cluster_at, take_up_token

_TIMEOUT_S = 20.0
_TOKEN = (
    "the cluster asks for its token; set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to the "
    "file that holds it"
)


def check_address(address: str) -> None:
    """Check within seconds that a cluster can be joined at ``address``; Ray itself takes minutes.

    Args:
        address: ``auto`` or HOST:PORT.

    Raises:
        UserError: no cluster can be joined there, or the address is one of Ray Client.
    """
    if "://" in address:
        raise UserError(
            f"--address {address}: over Ray Client the search itself, with its records, would run "
            "on the cluster's head and end with this connection; use: reservoir-search submit"
        )
    if address == "auto":  # only here, as in Ray: no other address gets the token unasked
        take_up_token()
    found = _host_and_port(address)
    host, _, port = found.rpartition(":")
    require_answer(address, host.strip("[]"), int(port))
    _greet(address, found)


def require_answer(address: str, host: str, port: int) -> None:
    """Check that something listens at ``host`` and ``port``; ``address`` is for the message.

    Raises:
        UserError: nothing listens there, or the host cannot be reached.
    """
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT_S).close()
    except OSError as error:
        raise UserError(
            f"--address {address}: cannot be reached ({error.strerror or error}); start the "
            "cluster with `ray start --head`, or give the address that it printed"
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
    """Connect to the cluster from a separate process: Ray waits long, and logs errors to stderr.

    Raises:
        UserError: something else answers, or the token is wrong or missing, or Ray fails.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", GREETING, found],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"--address {address}: something answers there that is no Ray cluster; give the port "
            "that `ray start --head` printed, 6379 by default"
        ) from error
    if "AuthenticationError" in done.stderr:
        raise UserError(f"--address {address}: {_TOKEN}")
    if done.returncode:
        raise UserError(f"--address {address}: {done.stderr.strip().splitlines()[-1]}")


@contextmanager
def ray_errors_as_user_errors(address: str) -> Iterator[None]:
    """Turn an exception of Ray's while joining a cluster into a UserError of one line.

    Raises:
        UserError: Ray raised an exception, such as on a wrong token or another version.
    """
    try:
        yield
    except ray.exceptions.AuthenticationError as error:
        raise UserError(f"--address {address}: {_TOKEN}") from error
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"--address {address}: {reason.rstrip('.')}; run the command on a machine of the "
            "cluster, with its versions of Ray and Python, or use: reservoir-search submit"
        ) from error
