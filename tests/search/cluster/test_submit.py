from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from ray.job_submission import JobStatus

from search.cluster.job import _follow, end_as, entrypoint, hints, submit_job
from search.cluster.job_environment import job_environment
from search.cluster.shipped_code import copy_code
from search.study.errors import WorkFailed
from spaces.errors import UserError
from tests.ports import free_port

# Stands for Python on the cluster: prints its working folder and its arguments.
_PYTHON = '#!/bin/sh\nprintf "%s\\n" "$PWD" "$@"\n'


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a job starts in, on a cluster whose Python prints its arguments."""
    folder = tmp_path / "sent"
    (tmp_path / "bin").mkdir()
    folder.mkdir()
    python = tmp_path / "bin/python"
    python.write_text(_PYTHON)
    python.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    return folder


def run_entrypoint(
    command: list[str], sent: Path, folder: Path
) -> subprocess.CompletedProcess[str]:
    line = entrypoint(command, folder=str(folder))
    return subprocess.run(  # as Ray runs it
        line, shell=True, cwd=sent, capture_output=True, text=True, check=False
    )


def test_a_command_runs_in_its_folder_whatever_the_names(sent: Path, tmp_path: Path):
    folder = tmp_path / "my \"data\" & 'more'"
    folder.mkdir()
    done = run_entrypoint(["show", "a; b $HOME"], sent, folder)
    assert done.stdout.splitlines() == [str(folder), "-P", "-m", "search", "show", "a; b $HOME"]


def test_a_study_file_of_this_machine_is_the_one_that_was_sent(sent: Path, tmp_path: Path):
    study = tmp_path / "my study.toml"
    study.touch()
    done = run_entrypoint(["run", "my study.toml", "--set", "seed=2"], sent, tmp_path)
    assert done.stdout.splitlines()[4:] == [
        *("run", str(sent / "my study.toml"), "--set", "seed=2", "--address", "auto")
    ]


def test_a_study_file_that_is_not_here_is_the_clusters(sent: Path, tmp_path: Path):
    done = run_entrypoint(["run", "studies/there.toml"], sent, tmp_path)
    assert done.stdout.splitlines()[4:] == ["run", "studies/there.toml", "--address", "auto"]


def test_an_address_that_was_given_stays(sent: Path, tmp_path: Path):
    done = run_entrypoint(["resume", "a", "--address", "head:1"], sent, tmp_path)
    assert done.stdout.splitlines()[4:] == ["resume", "a", "--address", "head:1"]


def test_a_folder_that_the_cluster_does_not_have_is_one_line_and_exit_2(sent: Path, tmp_path: Path):
    done = run_entrypoint(["show", "a"], sent, tmp_path / "nowhere")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"error: --folder {tmp_path / 'nowhere'}: no such folder on the cluster's head; "
        "make it there\n"
    )


class Ended:
    def __init__(self, status: str, driver_exit_code: int | None, message: str = "") -> None:
        self.status, self.driver_exit_code, self.message = status, driver_exit_code, message


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (Ended("FAILED", 1), WorkFailed),
        (Ended("FAILED", 2), UserError),
        (Ended("FAILED", 130), KeyboardInterrupt),
        (Ended("STOPPED", None), KeyboardInterrupt),
        (Ended("FAILED", None, "the head\nwent away"), WorkFailed),
    ],
)
def test_submit_ends_as_the_job_did(ended: Any, outcome: type[BaseException]):
    with pytest.raises(outcome):
        end_as(ended, "raysubmit_1")
    end_as(Ended("SUCCEEDED", 0), "raysubmit_2")  # type: ignore[arg-type]


def test_a_job_takes_tracking_and_storage_along_and_the_log_names_no_secret(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")  # so that what is set below is undone
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:hidden1@mlflow.example:5000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden2")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/home/me/.aws/config")
    with caplog.at_level("INFO"):
        taken = job_environment()
    assert taken == {
        "MLFLOW_TRACKING_URI": "https://mlflow.example:5000",
        "MLFLOW_TRACKING_USERNAME": "me",
        "MLFLOW_TRACKING_PASSWORD": "hidden1",
        "AWS_SECRET_ACCESS_KEY": "hidden2",
    }
    assert "AWS_SECRET_ACCESS_KEY, MLFLOW_TRACKING_PASSWORD" in caplog.text
    assert "hidden" not in caplog.text


def test_a_store_that_is_a_file_here_stays_here_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs.db")
    assert "MLFLOW_TRACKING_URI" not in job_environment()
    assert "names a file of this machine" in caplog.text


def test_after_a_search_there_are_commands_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text('name = "other"\n')
    place = {"address": "http://head:8265", "folder": "/srv/my search"}
    last = "fetch {} --address http://head:8265 --folder '/srv/my search'"
    assert hints(["run", "my.toml"], **place)[-1].endswith(last.format("other"))
    assert hints(["run", "my.toml", "--set", "name=b"], **place)[-1].endswith(last.format("b"))
    assert hints(["resume", "mine", "--for", "9m"], **place)[-1].endswith(last.format("mine"))
    assert hints(["show", "mine"], **place) == []


class BreakingLine:
    """A cluster whose connection breaks once before a job's log and once in its middle."""

    def __init__(self) -> None:
        self._tries = 0

    def get_job_status(self, job: str) -> JobStatus:
        self._tries += 1
        if self._tries == 1:
            raise ConnectionError("no route to host")
        return JobStatus.RUNNING if self._tries < 4 else JobStatus.SUCCEEDED

    async def tail_job_logs(self, job: str) -> AsyncIterator[str]:
        yield "one\ntwo\n"
        if self._tries == 2:
            raise RuntimeError("WebSocket connection closed unexpectedly")
        yield "three\n"


def test_a_log_is_printed_once_and_whole_although_the_connection_breaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("search.cluster.job._RETRY_S", 0.0)
    asyncio.run(_follow(BreakingLine(), "raysubmit_1"))  # type: ignore[arg-type]
    assert capsys.readouterr().out == "one\ntwo\nthree\n"


def test_addresses_that_are_no_dashboards_are_refused():
    with pytest.raises(UserError, match="jobs go to Ray's dashboard; give http://HOST:8265"):
        submit_job(["show", "a"], address="head:6379", folder="/data")
    with pytest.raises(UserError, match="cannot be reached"):
        submit_job(["show", "a"], address=f"http://127.0.0.1:{free_port()}", folder="/data")


def test_the_code_that_is_sent_runs_by_itself(tmp_path: Path):
    copy_code(tmp_path)
    assert not list(tmp_path.rglob("__pycache__"))
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            "import search, trainable, spaces.layout as s; print(s.__file__)",
        ],
        env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / "spaces/layout.py")
