"""The start of a Ray on this machine: its faults, its signals, and what dead drivers left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from search.cluster import ray_files
from search.cluster.ray_cluster import local_ray
from search.cluster.ray_files import mark_session, remove_old_sessions, require_room
from search.study.errors import WorkFailed


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of Ray's sessions, instead of the user's."""
    monkeypatch.setattr("search.cluster.ray_cluster.private_folder", lambda: tmp_path / "ray")
    monkeypatch.setattr("search.cluster.ray_cluster.hidden_token", lambda: None)
    return tmp_path / "ray"


@pytest.fixture(scope="module")
def dead_pid() -> int:
    with subprocess.Popen(["true"]) as process:
        return process.pid


def session(folder: Path, pid: int, *, age_s: float = 0) -> Path:
    made = folder / f"session_2026-01-01_00-00-00_000000_{pid}"
    (made / "logs").mkdir(parents=True)
    os.utime(made, (time.time() - age_s,) * 2)
    return made


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("Timed out waiting for file /tmp/gcs_server_port"), "Timed out waiting"),
        (
            RuntimeError("Failed to start GCS.  Last 2 lines of error files:\nbug"),
            "Failed to start",
        ),
        (Exception("The current node timed out during startup. This could"), "The current node"),
        (ValueError("The configured object store size exceeds"), "The configured object store"),
        (OSError(98, "Address already in use"), r"\[Errno 98\] Address already in use"),
    ],
)
def test_a_ray_that_does_not_start_is_one_line_with_its_log(
    error: Exception, reason: str, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def init(**_: object) -> None:
        os.write(2, b"from C++ code\n")
        session(folder, os.getpid())
        raise error

    monkeypatch.setattr(ray, "init", init)
    match = rf"^Ray did not start on this machine: {reason}"
    with pytest.raises(WorkFailed, match=match) as told, local_ray():
        raise AssertionError
    assert re.search(r"; its log: \S+/logs$", str(told.value))
    assert "\n" not in str(told.value)
    assert (folder / "start.log").read_text() == "from C++ code\n"


def test_a_local_ray_is_its_own_whatever_address_the_environment_has(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    options: dict[str, Any] = {}

    def init(**given: object) -> None:
        options.update(given)
        raise RuntimeError

    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(WorkFailed), local_ray():
        raise AssertionError
    assert options["address"] == "local"
    assert options["_temp_dir"] == str(folder)


def test_sigterm_while_ray_starts_is_an_interruption_and_its_handler_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def init(**_: object) -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(signal.SIGTERM))  # as Ray does
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(KeyboardInterrupt), local_ray():
        raise AssertionError
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_trace_of_rays_own_handler_goes_to_its_log(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Until ours is in force again."""

    @contextmanager
    def keeping() -> Iterator[None]:
        yield
        os.write(2, b"*** SIGTERM received\n")
        raise KeyboardInterrupt

    monkeypatch.setattr(ray, "init", lambda **_: None)
    monkeypatch.setattr("search.cluster.ray_cluster._keeping_sigterm", keeping)
    with pytest.raises(KeyboardInterrupt), local_ray():
        raise AssertionError
    assert (folder / "start.log").read_text() == "*** SIGTERM received\n"


def test_a_full_disk_is_told_before_ray_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    free = SimpleNamespace(free=3 * 2**20)
    monkeypatch.setattr(ray_files.shutil, "disk_usage", lambda path: free)
    with pytest.raises(WorkFailed, match=r"3 MiB of disk are free; Ray needs 64 MiB there: make"):
        require_room(tmp_path / "ray")


def test_sessions_of_dead_drivers_are_removed_and_no_others(tmp_path: Path, dead_pid: int):
    dead_marked = session(tmp_path, dead_pid)
    (dead_marked / mark_of(dead_pid)).touch()
    ours = session(tmp_path, os.getpid(), age_s=1e6)
    (tmp_path / "session_latest").symlink_to(ours)
    (tmp_path / "session_of_mine").mkdir()
    remove_old_sessions(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [ours.name, "session_latest", "session_of_mine"]
    )


@pytest.mark.parametrize(("age_s", "stays"), [(60, True), (3600, False)])
def test_a_dead_session_without_a_mark_stays_for_some_minutes(
    tmp_path: Path, dead_pid: int, age_s: float, stays: bool
):
    found = session(tmp_path, dead_pid, age_s=age_s)
    remove_old_sessions(tmp_path)
    assert found.exists() is stays


def test_a_marked_session_stays_although_its_number_is_of_no_process_here(
    tmp_path: Path, dead_pid: int
):
    """As of a container with process numbers of its own that shares /tmp."""
    elsewhere = session(tmp_path, dead_pid, age_s=1e6)
    (elsewhere / f"driver-00000000_{dead_pid}_00000000").touch()
    remove_old_sessions(tmp_path)
    assert elsewhere.exists()


def test_the_mark_names_this_process(tmp_path: Path):
    made = session(tmp_path, os.getpid())
    mark_session(tmp_path)
    (mark,) = made.glob("driver-*")
    assert f"_{os.getpid()}_" in mark.name


def mark_of(pid: int) -> str:
    """Mark of another process of this machine."""
    return "driver-" + ray_files.name_of_ours().replace(f"_{os.getpid()}_", f"_{pid}_")
