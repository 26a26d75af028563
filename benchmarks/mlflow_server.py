"""An MLflow server on loopback for as long as a benchmark needs one."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search.study.errors import WorkFailed
from search.tracking.mlflow_ui import end_server, start_server

SECONDS = 90.0  # time-out of its start


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """The address of a server whose store, SQLite again, lies in ``folder``.

    Raises:
        WorkFailed: it did not answer in time.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    options = [
        *("--port", str(port)),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    with (folder / "server.log").open("w") as log:
        server = start_server(options, log, store=f"sqlite:///{folder / 'server.db'}")
    try:
        _wait_for(address, server)
        yield address
    finally:
        end_server(server)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except OSError:  # not up yet
            time.sleep(0.5)
    raise WorkFailed(f"MLflow's server at {address} did not answer within {SECONDS:g} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
