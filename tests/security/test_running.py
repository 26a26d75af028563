"""A real search with passwords around it: who can reach it, and where the passwords end up."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from search.cluster.ray_files import private_folder
from search.tracking.mlflow_ui import end_server, start_server
from tests.ports import free_port
from tests.search.command_line import start, study_toml
from tests.security.listening import is_loopback, listening, watch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

USER, PASSWORD = "searcher", "p4ssw0rd-of-mlflow"
AWS_KEY, TOKEN = "aws-secret-of-the-bucket", "ab12" * 16
SECRETS = (PASSWORD, AWS_KEY, TOKEN)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What could be seen of a search from outside."""

    place: Path
    server: Path
    status: int
    ray: Path  # a copy of its Ray's logs
    sockets: set[tuple[str, str]]
    command_lines: str

    @property
    def log(self) -> str:
        return (self.place / "log.txt").read_text()


@contextmanager
def server_with_accounts(folder: Path, **extra: str) -> Iterator[str]:
    """MLflow with an account that may write; HOST:PORT."""
    (folder / "accounts.ini").write_text(
        "[mlflow]\ndefault_permission = READ\n"
        f"database_uri = sqlite:///{folder / 'accounts.db'}\n"
        f"admin_username = {USER}\nadmin_password = {PASSWORD}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    port = free_port()
    before = dict(os.environ)
    os.environ["MLFLOW_AUTH_CONFIG_PATH"] = str(folder / "accounts.ini")
    os.environ["MLFLOW_FLASK_SERVER_SECRET_KEY"] = "for this test"
    options = ["--app-name", "basic-auth", "--port", str(port)]
    options += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "server.log").open("w") as log:
        server = start_server(options, log, store=f"sqlite:///{folder / 'server.db'}")
    os.environ.clear()
    os.environ.update(before)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server)
        yield f"127.0.0.1:{port}"
    finally:
        end_server(server)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail("MLflow's server did not start")


@contextmanager
def no_umask() -> Iterator[None]:
    """As in a shell that lets everyone change what it writes."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, small_grammar: Path) -> Watched:
    """Two trials of two ranks each, recorded on a server that asks for a password."""
    place, server = tmp_path_factory.mktemp("place"), tmp_path_factory.mktemp("server")
    tables = {"ranks": "n_ranks = 2", "search": 'n_trials = 2\nalgorithm = "random"'}
    (place / "mine.toml").write_text(study_toml(small_grammar, **tables))
    with server_with_accounts(server) as address, no_umask():
        command = start(
            *("run", "mine.toml"),
            cwd=place,
            MLFLOW_TRACKING_URI=f"http://{USER}:{PASSWORD}@{address}",
            AWS_ACCESS_KEY_ID="the-key-id",
            AWS_SECRET_ACCESS_KEY=AWS_KEY,
            RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN=TOKEN,
        )
        sockets, lines = watch(command, timeout=1500)
        status = command.wait(60)
        # The next command, of anybody's tests, removes the session.
        (session,) = private_folder().glob(f"session_*_{command.pid}")
        ray = tmp_path_factory.mktemp("ray")
        shutil.copytree(session / "logs", ray / "logs", symlinks=True)
    return Watched(
        place=place,
        server=server,
        status=status,
        ray=ray,
        sockets=sockets,
        command_lines=lines,
    )


def test_the_search_reached_its_server(watched: Watched):
    assert watched.status == 0, watched.log
    assert list((watched.server / "artifacts").rglob("resolved.json"))
    assert "could not be" not in watched.log


def test_nothing_of_a_local_search_listens_beyond_loopback(watched: Watched):
    names = {name for name, _ in watched.sockets}
    assert {"gcs_server", "raylet"} <= names
    assert any("Rank" in name for name in names)
    assert {found for found in watched.sockets if not is_loopback(found[1])} == set()


def test_no_secret_is_in_what_a_search_writes(watched: Watched):
    allowed = {watched.server / "accounts.ini"}  # where the account was made
    places = [watched.place, watched.server, watched.ray]
    assert list(watched.ray.glob("logs/raylet*"))
    files = [file for place in places for file in place.rglob("*") if file.is_file()]
    assert len(files) > 20
    found = [
        (file, secret)
        for file in files
        if file not in allowed
        for secret in SECRETS
        if secret.encode() in file.read_bytes()
    ]
    assert found == []


def test_no_secret_is_on_a_command_line(watched: Watched):
    assert "raylet" in watched.command_lines
    assert [secret for secret in SECRETS if secret in watched.command_lines] == []


def test_a_studys_files_are_for_its_owner_to_change(watched: Watched):
    study = watched.place / "studies/mine"
    for path in (study, *study.rglob("*")):
        if not path.is_symlink():
            assert path.stat().st_mode & (stat.S_IWOTH | stat.S_IWGRP) == 0, path


def test_rays_sockets_are_where_no_other_user_can_look():
    folder = Path(f"/tmp/reservoir-search-{os.getuid()}")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_mlflows_server_listens_on_loopback_and_refuses_other_hosts_and_origins(tmp_path: Path):
    port = free_port()
    with (tmp_path / "log").open("w") as log:
        server = start_server(["--port", str(port)], log, store=f"sqlite:///{tmp_path / 's.db'}")
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server)
        root = psutil.Process(server.pid)
        addresses = {
            found for child in (root, *root.children(recursive=True)) for found in listening(child)
        }
        assert addresses
        assert all(map(is_loopback, addresses))
        assert status_of(port) == 200
        assert status_of(port, Host="evil.example:80") == 403
        assert status_of(port, Origin="http://evil.example") == 403
    finally:
        end_server(server)


def status_of(port: int, **headers: str) -> int:
    """Of a request that would change something."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/search",
        data=b'{"max_results": 1}',
        headers={"Content-Type": "application/json", **headers},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
