"""Faults that take long to try, each against an undisturbed search.

A search with one trial after another repeats exactly on updates, so whatever a fault
costs shows as a difference.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.ports import free_port
from tests.search.command_line import ROOT, environment, reservoir_search, start
from tests.search.disturbed import (
    N_TRIALS,
    examined,
    is_in_mid_study,
    mlflow_server,
    on_updates,
    prepare,
    records_in,
    start_mlflow,
    wait_for,
)

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]

OPEN = {"RAY_AUTH_MODE": "disabled"}  # a head on loopback alone
LONG_S = 1200  # for a search on a machine that has other work
POSTGRES = Path("/usr/lib/postgresql/15/bin")


def prepared(folder: Path, data: Path, **tables: str) -> Path:
    """A working folder with the grid, whose trials are just long enough to be disturbed."""
    return prepare(folder, data, budget="updates = 80", **tables)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, small_grammar: Path) -> Path:
    """A working folder in which the grid ran to its end."""
    place = prepared(tmp_path_factory.mktemp("undisturbed") / "place", small_grammar)
    done = reservoir_search("run", "mine.toml", cwd=place, timeout=LONG_S)
    assert done.returncode == 0, done.stderr
    return place


def faults(place: Path) -> list[str]:
    return [fault for finding in examined(place) for fault in finding.faults]


def waiting(place: Path) -> list[str]:
    return [line for finding in examined(place) for line in finding.waiting]


def resume(place: Path) -> subprocess.CompletedProcess[str]:
    done = reservoir_search("resume", "mine", cwd=place, timeout=LONG_S)
    assert done.returncode == 0, done.stderr
    return done


def assert_ended_as(undisturbed: Path, place: Path) -> None:
    """The study has the trials of the undisturbed one, and all its memories agree."""
    records = records_in(place)
    assert [record.id for record in records] == list(range(N_TRIALS))
    assert {record.state for record in records} == {"completed"}
    assert on_updates(records) == on_updates(records_in(undisturbed))
    assert {record.canonical: record.objective for record in records} == {
        record.canonical: record.objective for record in records_in(undisturbed)
    }
    found = examined(place)
    assert [finding.verdict for finding in found] == ["ok"] * 4, found


def test_mlflow_that_hangs_for_a_minute_holds_nothing_up(
    tmp_path: Path, small_grammar: Path, undisturbed: Path
):
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    place = prepared(tmp_path / "place", small_grammar, tracking=f'uri = "{uri}"')
    server = start_mlflow(tmp_path, port)
    try:
        driver = start("run", "mine.toml", cwd=place)
        wait_for(is_in_mid_study(place))
        os.killpg(server.pid, signal.SIGSTOP)  # it takes connections and answers none
        stopped, n_before = time.monotonic(), len(records_in(place))
        # A whole trial, from its first update to its last, while nobody answers.
        wait_for(lambda: len(records_in(place)) > n_before + 1 or driver.poll() is not None)
        assert {r.state for r in records_in(place) if r.id <= n_before} == {"completed"}
        time.sleep(max(0, 60 - (time.monotonic() - stopped)))
        os.killpg(server.pid, signal.SIGCONT)
        assert driver.wait(timeout=LONG_S) == 0, (place / "log.txt").read_text()
        if waiting(place):
            resume(place)
        assert_ended_as(undisturbed, place)
    finally:
        os.killpg(server.pid, signal.SIGCONT)
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)


@pytest.mark.parametrize("remedy", [("resume", "mine"), ("doctor", "mine", "--mend")])
def test_what_mlflow_missed_at_the_end_is_sent_later(
    tmp_path: Path, small_grammar: Path, undisturbed: Path, remedy: tuple[str, ...]
):
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    place = prepared(tmp_path / "place", small_grammar, tracking=f'uri = "{uri}"')
    with mlflow_server(tmp_path, port):
        driver = start("run", "mine.toml", cwd=place)
        wait_for(is_in_mid_study(place))
    assert driver.wait(timeout=LONG_S) == 0, (place / "log.txt").read_text()
    assert "MLflow does not have all results yet" in (place / "log.txt").read_text()
    with mlflow_server(tmp_path, port):
        assert waiting(place)
        assert faults(place) == []
        done = reservoir_search(*remedy, cwd=place, timeout=LONG_S)
        assert done.returncode == 0, done.stdout + done.stderr
        assert_ended_as(undisturbed, place)


@pytest.fixture
def postgres() -> Iterator[Path]:
    """The folder of a PostgreSQL database that runs, as its own user."""
    if not (POSTGRES / "initdb").exists() or os.geteuid() != 0:
        pytest.skip(f"needs root, and PostgreSQL in {POSTGRES}")
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    shutil.chown(folder, "postgres", "postgres")
    as_postgres("initdb", "-D", str(folder / "data"), "--auth", "trust")
    port = free_port()
    with (folder / "data/postgresql.conf").open("a") as settings:
        settings.write(f"\nport = {port}\nunix_socket_directories = '{folder}'\n")
    as_postgres("pg_ctl", "-D", str(folder / "data"), "-w", "-l", str(folder / "log"), "start")
    try:
        as_postgres("createdb", "-h", "127.0.0.1", "-p", str(port), "mlflow")
        (folder / "uri").write_text(f"postgresql+psycopg2://postgres@127.0.0.1:{port}/mlflow")
        yield folder
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            as_postgres("pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(folder)


def as_postgres(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, which refuse to be root."""
    subprocess.run(
        [POSTGRES / program, *arguments],
        user="postgres",
        group="postgres",
        cwd="/",
        check=True,
        stdout=subprocess.DEVNULL,
    )


def test_postgresql_behind_mlflow_restarted_loses_nothing(
    tmp_path: Path, small_grammar: Path, undisturbed: Path, postgres: Path
):
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    place = prepared(tmp_path / "place", small_grammar, tracking=f'uri = "{uri}"')
    control = ("pg_ctl", "-D", str(postgres / "data"), "-w")
    with mlflow_server(tmp_path, port, (postgres / "uri").read_text()):
        driver = start("run", "mine.toml", cwd=place)
        wait_for(is_in_mid_study(place))
        as_postgres(*control, "-m", "immediate", "stop")  # as a crash: it recovers at its start
        n_before = len(records_in(place))
        wait_for(lambda: len(records_in(place)) > n_before)
        as_postgres(*control, "-l", str(postgres / "log"), "start")
        assert driver.wait(timeout=LONG_S) == 0, (place / "log.txt").read_text()
        if waiting(place):
            resume(place)
        assert_ended_as(undisturbed, place)


@pytest.fixture
@contextlib.contextmanager
def ray_head(port: int) -> Iterator[None]:
    """A Ray cluster of one node at the port, as an administrator starts it."""
    ray = str(Path(sys.executable).with_name("ray"))
    subprocess.run(
        [
            *(ray, "start", "--head", f"--port={port}", "--num-cpus=1"),
            "--include-dashboard=false",
        ],
        env=environment(**OPEN),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        for pid in processes_of_head(port):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def processes_of_head(port: int, named: str = "") -> list[int]:
    """The processes that belong to the head at the port and have ``named`` in their title."""
    table = subprocess.run(
        ["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True
    )
    rows = [line.split(maxsplit=1) for line in table.stdout.splitlines()[1:]]
    marks = (f":{port} ", f"--gcs_server_port={port} ")
    return [int(pid) for pid, args in rows if named in args and any(m in args for m in marks)]


def test_a_head_that_dies_ends_the_search_and_a_new_one_goes_on_with_it(
    tmp_path: Path, small_grammar: Path, undisturbed: Path
):
    place, port = prepared(tmp_path / "place", small_grammar), free_port()
    address = ("--address", f"127.0.0.1:{port}")
    with ray_head(port):
        driver = start("run", "mine.toml", *address, cwd=place, **OPEN)
        wait_for(is_in_mid_study(place))
        (gcs,) = processes_of_head(port, "gcs_server")
        os.kill(gcs, signal.SIGKILL)
        assert driver.wait(timeout=300) == 1, (place / "log.txt").read_text()
    last = (place / "log.txt").read_text().splitlines()[-1]
    assert last.startswith(f"failed: the head of the Ray cluster at 127.0.0.1:{port} is gone")
    assert faults(place) == []
    with ray_head(port):
        done = reservoir_search("resume", "mine", *address, cwd=place, timeout=LONG_S, **OPEN)
        assert done.returncode == 0, done.stderr
    assert_ended_as(undisturbed, place)


# A module that every Python of the process tree imports at its start. libfaketime would
# take the clock of everything back, but with it Ray's sleeps end in "Invalid argument".
CLOCK = """
import pathlib, time
offset = pathlib.Path({path!r})
back = lambda: float(offset.read_text() or 0)
time_s, time_ns = time.time, time.time_ns
time.time = lambda: time_s() - back()
time.time_ns = lambda: time_ns() - int(1e9 * back())
"""


def test_a_clock_that_is_set_back_changes_nothing(
    tmp_path: Path, small_grammar: Path, undisturbed: Path
):
    place, clock = prepared(tmp_path / "place", small_grammar), tmp_path / "clock"
    clock.write_text("0")
    (tmp_path / "sitecustomize.py").write_text(CLOCK.format(path=str(clock)))
    driver = start("run", "mine.toml", cwd=place, PYTHONPATH=f"{tmp_path}:{ROOT}")
    wait_for(is_in_mid_study(place))
    clock.write_text("7200")
    assert driver.wait(timeout=LONG_S) == 0, (place / "log.txt").read_text()
    lines = (place / "log.txt").read_text().splitlines()
    stamps = [line[:19] for line in lines if " trial=" in line]
    assert any(later < earlier for earlier, later in pairwise(stamps)), "it was never set back"
    assert_ended_as(undisturbed, place)
    client = MlflowClient(f"sqlite:///{place / 'studies/mine/mlflow.db'}")
    for record in records_in(place):
        history = client.get_metric_history(str(record.mlflow_run_id), "score")
        assert [m.step for m in history] == [point.updates for point in record.curve]
        assert [m.timestamp for m in history] == sorted(m.timestamp for m in history)
