from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from ray.job_submission import JobStatus

from search.cli import app
from search.cluster.job import _follow, end_as, submit_job
from search.cluster.job_command import JobCommand, entrypoint, hints
from search.cluster.job_environment import _STAYING, job_environment
from search.cluster.shipped_code import copy_code
from search.commands.submit import _job_command
from search.study.errors import NotFinished, WorkFailed
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


def read(*words: str) -> JobCommand:
    """The command as ``submit`` reads it."""
    return _job_command(typer.Context(typer.main.get_command(app)), words)


def run_entrypoint(
    command: list[str], sent: Path, folder: Path
) -> subprocess.CompletedProcess[str]:
    line = entrypoint(read(*command), folder=str(folder))
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


def test_a_bare_name_sends_the_study_file_that_it_means_here(sent: Path, tmp_path: Path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/quickstart.toml").touch()
    command = read("run", "quickstart", "--set", "name=quickstart")
    assert command.study_file is not None
    assert command.study_file.path == Path("studies/quickstart.toml")
    done = run_entrypoint(list(command.words), sent, tmp_path)
    assert done.stdout.splitlines()[4:] == [
        *("run", str(sent / "quickstart.toml"), "--set", "name=quickstart", "--address", "auto")
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
        (Ended("FAILED", 75), NotFinished),
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


@pytest.mark.parametrize(
    "name",
    ["GOOGLE_APPLICATION_CREDENTIALS", "AWS_PROFILE", "MLFLOW_TRACKING_SERVER_CERT_PATH"],
)
def test_what_names_a_file_of_this_machine_stays_here_and_a_warning_names_it(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    for other in _STAYING:
        monkeypatch.delenv(other, raising=False)
    job_environment()
    assert not caplog.text
    monkeypatch.setenv(name, "hidden")
    assert name not in job_environment()
    assert [name in message for message in caplog.messages] == [True]
    assert "set them on the cluster's machines" in caplog.text
    assert "hidden" not in caplog.text


PLACE = "--address http://head:8265 --folder '/srv/my search'"


def hints_after(*words: str, is_finished: bool = True) -> list[str]:
    """Commands that are offered after a command, without what they are for."""
    place = {"address": "http://head:8265", "folder": "/srv/my search"}
    lines = hints(read(*words), **place, is_finished=is_finished)
    return [line.partition("reservoir-search ")[2] for line in lines[1:]]


@pytest.mark.parametrize(
    ("words", "study"),
    [
        ("run my.toml", "other"),
        ("run my.toml --set name=b", "b"),
        ("run --for 9m --set=seed=2 my.toml", "other"),
        ("run quickstart", "quick"),
        ("run there.toml", "there"),
        ("resume mine --for 9m", "mine"),
        ("resume --for 9m mine", "mine"),
        ("resume --trials 40 mine", "mine"),
        ("resume --retry-failed mine 3", "mine"),
        ("confirm --top 2 mine", "mine"),
        ("reproduce --seeds 2", "reproduce-small"),
        ("reproduce --preset iwslt14 --for 9m", "reproduce-iwslt14"),
        ("reproduce --name paper", "paper"),
    ],
)
def test_after_a_training_there_are_commands_for_this_machine(
    words: str, study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text('name = "other"\n')
    Path("studies").mkdir()
    Path("studies/quickstart.toml").write_text('name = "quick"\n')
    offered = hints_after(*words.split())
    assert offered == [
        f"{command} {study} {PLACE}" for command in ("show", "report", "ui", "export", "fetch")
    ]


def test_after_the_time_of_for_the_first_command_goes_on():
    submit_there = f"submit {PLACE} -- "
    for words, going_on in (
        ("run there.toml --for 9m", "resume there --for 9m"),
        ("resume --for 9m mine", "resume --for 9m mine"),
        ("confirm mine --for 9m", "confirm mine --for 9m"),
    ):
        assert hints_after(*words.split(), is_finished=False)[0] == submit_there + going_on


def test_a_job_whose_time_ended_offers_to_go_on_and_is_not_finished(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    ended = SimpleNamespace(
        get_job_status=lambda job: JobStatus.FAILED,
        tail_job_logs=lambda job: BreakingLine().tail_job_logs(job),
        get_job_info=lambda job: Ended("FAILED", 75),
    )
    monkeypatch.setattr("search.cluster.job.dashboard", lambda address: ended)
    monkeypatch.setattr("search.cluster.job.submitted", lambda *_, **__: "raysubmit_1")
    with pytest.raises(NotFinished, match="time is over"):
        submit_job(read("resume", "a", "--for", "9m"), address="http://head:8265", folder="/srv")
    assert "--folder /srv -- resume a --for 9m\n" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["show mine", "data grammar --out data/g", "nonsense", "resume"])
def test_after_other_commands_there_are_none(words: str):
    assert hints_after(*words.split()) == []


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
        submit_job(read("show", "a"), address="head:6379", folder="/data")
    with pytest.raises(UserError, match="cannot be reached"):
        submit_job(read("show", "a"), address=f"http://127.0.0.1:{free_port()}", folder="/data")


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
