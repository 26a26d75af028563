"""``ui`` for one user of a machine: whoever has not its password gets nothing from it."""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from mlflow.tracking import MlflowClient

from search.tracking.mlflow_ui import USER
from tests.ports import free_port
from tests.search.command_line import start
from tests.search.disturbed import wait_for
from trainable.users_folder import users_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STUDY = Path(__file__).parents[1] / "legacy/studies/kinds"
# Pages, data, artifacts and interfaces of the server, but for its health and its scripts.
PLACES = (
    "",
    "version",
    "graphql",
    "metrics",
    "server-info",
    "v1/traces",
    "api/2.0/mlflow/experiments/search",
    "ajax-api/2.0/mlflow/experiments/search",
    "api/2.0/mlflow/runs/delete",
    "api/2.0/mlflow/runs/search",
    "api/2.0/mlflow-artifacts/artifacts",
    "api/3.0/mlflow/traces/search",
    "get-artifact?path=x&run_uuid=y",
)


@dataclass(frozen=True, kw_only=True)
class Served:
    """A study's server and the log of the command that runs it."""

    port: int
    log: str
    pid: int

    def status(self, place: str, *, password: str | None = None, data: bytes | None = None) -> int:
        """The status of a request, with the account's name and ``password`` if given."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{place}", data=data)
        request.add_header("Content-Type", "application/json")
        if password is not None:
            account = base64.b64encode(f"{USER}:{password}".encode()).decode()
            request.add_header("Authorization", f"Basic {account}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = tmp_path_factory.mktemp("ui")
    shutil.copytree(STUDY, place / "studies/kinds")
    store = f"sqlite:///{place / 'studies/kinds/mlflow.db'}"
    MlflowClient(store).create_experiment("kinds")
    port = free_port()
    command = start("ui", "kinds", "--port", str(port), cwd=place)

    def answers() -> bool:
        assert command.poll() is None, (place / "log.txt").read_text()
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
        except OSError:
            return False
        return True

    try:
        wait_for(answers)
        yield Served(port=port, log=(place / "log.txt").read_text(), pid=command.pid)
    finally:
        command.send_signal(signal.SIGINT)
        assert command.wait(timeout=60) == 130
    assert scratch_of(command.pid) == []  # the accounts are gone with the server


def scratch_of(pid: int) -> list[Path]:
    """The private folder of the process ``pid``, if it has one."""
    return list(users_folder().glob(f"scratch-*_{pid}_*"))


def printed_password(served: Served) -> str:
    (password,) = re.findall(rf"user {USER}, password (\S+)$", served.log, re.MULTILINE)
    return str(password)


@pytest.mark.parametrize("place", PLACES)
def test_nobody_gets_anything_without_the_password(served: Served, place: str):
    assert served.status(place) == 401
    assert served.status(place, password="a guess of the password") == 401
    assert served.status(place, data=b"{}") == 401


def test_the_printed_password_opens_the_study(served: Served):
    password = printed_password(served)
    assert len(password) >= 20
    assert served.status("", password=password) == 200
    search = "api/2.0/mlflow/experiments/search"
    assert served.status(search, password=password, data=b'{"max_results": 1}') == 200


def test_the_menu_for_models_is_named(served: Served):
    assert "choose 'Model training' at the top left" in served.log


def test_no_other_user_can_read_the_password_elsewhere(served: Served):
    password = printed_password(served)
    processes = [psutil.Process(served.pid), *psutil.Process(served.pid).children(recursive=True)]
    assert not any(password in " ".join(process.cmdline()) for process in processes)
    (folder,) = scratch_of(served.pid)
    assert (folder / "accounts.ini").exists()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.stat().st_uid == os.getuid()
