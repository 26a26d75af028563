"""MLflow's own server on a study's store, and the addresses of its pages."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO

from search.study.console import say
from search.study.errors import WorkFailed
from search.study.folder import StudyFolder
from search.study.place import settle_place
from search.study.tracking_uri import without_secrets
from search.tracking.store import tracking_uri
from search.tracking.trial_pages import TrialPages, is_writable, trial_pages
from spaces.errors import UserError
from trainable.private.mlflow import server_environment
from trainable.users_folder import scratch_folder

USER = "reservoir"  # the server's only account; its password is new each time
NO_ACCOUNTS: Mapping[str, str] = MappingProxyType({})


def serve(folder: StudyFolder, port: int) -> None:
    """Run MLflow's server on loopback until it is interrupted.

    Every user of the machine can connect to it, so it asks for the password that is printed
    with the addresses. It is not in them: MLflow's pages then fail to load their data.

    For a study that is recorded on a server elsewhere, only the addresses there are printed.

    Args:
        folder: the study's.
        port: TCP port on 127.0.0.1.

    Raises:
        UserError: the port is taken, the store has no experiment of the study, or the study's
            folder was moved and a driver holds it.
        WorkFailed: the server ended with a non-zero exit code.
    """
    uri = tracking_uri(folder.config(), folder)
    if uri.startswith(("http://", "https://")):
        _tell(trial_pages(folder, uri, uri.rstrip("/")))
        return
    _refuse_taken(port)
    if is_writable(folder):
        settle_place(folder)
    password = secrets.token_urlsafe(18)
    base = f"http://127.0.0.1:{port}"
    _tell(trial_pages(folder, uri, base))
    say(f"the browser asks for an account: user {USER}, password {password}")
    with scratch_folder() as accounts:
        _run_server(port, store=uri, environment=one_account(accounts, USER, password))


def _tell(pages: TrialPages) -> None:
    say(f"all trials:     {without_secrets(pages.table)}")
    say(f"compare trials: {without_secrets(pages.charts)}")
    say("in the browser:  choose 'Model training' at the top left once; MLflow begins with GenAI")


def one_account(folder: Path, user: str, password: str) -> dict[str, str]:
    """Environment variables that give MLflow's server a single account, with all rights.

    Args:
        folder: an empty folder that nobody else can read, for the server's accounts.
        user, password: of the account.

    Source:
        https://mlflow.org/docs/latest/self-hosting/security/basic-http-auth
    """
    settings = folder / "accounts.ini"
    settings.write_text(
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{folder / 'accounts.db'}\n"
        f"admin_username = {user}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(32),
    }


def _run_server(port: int, *, store: str, environment: Mapping[str, str]) -> None:
    """Run the server until it ends, or until it is interrupted, which ends its workers too."""
    options = ["--app-name", "basic-auth", "--port", str(port)]
    server = start_server(options, store=store, environment=environment)
    try:
        exit_code = server.wait()
    except KeyboardInterrupt:
        end_server(server)
        raise
    if exit_code != 0:
        raise WorkFailed(f"MLflow's server ended with exit code {exit_code}")


def start_server(
    options: Sequence[str],
    log: IO[str] | None = None,
    *,
    store: str,
    environment: Mapping[str, str] = NO_ACCOUNTS,
) -> subprocess.Popen[bytes]:
    """Start MLflow's server on loopback with one worker, and return its process.

    Args:
        options: options of ``mlflow server``.
        log: file for its output; None for the output of this process.
        store: tracking URI that it serves.
        environment: variables in addition to those of this process.
    """
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"]
    return subprocess.Popen(
        [*command, *options],
        stdout=log,
        stderr=None if log is None else subprocess.STDOUT,
        env={**os.environ, **server_environment(store), **environment},
        start_new_session=True,  # so that the workers can be ended with the server
    )


def end_server(server: subprocess.Popen[bytes]) -> None:
    """End the server with its workers."""
    os.killpg(server.pid, signal.SIGTERM)
    server.wait()


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise UserError(f"--port {port}: the port is in use; choose another one")
