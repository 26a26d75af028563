"""Commands as jobs on a real Ray head with its dashboard, which asks for a token."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.ports import free_port
from tests.search.command_line import environment, reservoir_search, start
from tests.search.disturbed import (
    is_in_mid_study,
    on_updates,
    prepare,
    records_in,
    wait_for,
)

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

LONG_S = 1200  # for a search on a machine that has other work


@dataclass(frozen=True, kw_only=True)
class Head:
    address: str  # HOST:PORT
    jobs: str  # http://HOST:PORT
    token: dict[str, str]  # as the environment has it


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    """A Ray head, in whose environment our Python is the first."""
    port, jobs_port = free_port(), free_port()
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with tempfile.TemporaryDirectory(prefix="rs-") as folder:  # short, for Ray's sockets
        node = subprocess.Popen(
            [
                *("ray", "start", "--head", "--block", "--disable-usage-stats", "--num-cpus=1"),
                *("--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=True"),
                *(f"--dashboard-port={jobs_port}", f"--ray-client-server-port={free_port()}"),
                *(f"--dashboard-agent-listen-port={free_port()}", f"--temp-dir={folder}"),
                "--object-store-memory=200000000",
            ],
            env=environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", **token),
            start_new_session=True,
        )
        try:
            jobs = f"http://127.0.0.1:{jobs_port}"
            wait_for(lambda: ray("job", "list", "--address", jobs, **token).returncode == 0)
            yield Head(address=f"127.0.0.1:{port}", jobs=jobs, token=token)
        finally:
            for process in psutil.Process(node.pid).children(recursive=True):
                process.kill()
            node.kill()
            node.wait()


def ray(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "ray", *arguments],
        env=environment(**extra),
        capture_output=True,
        text=True,
        check=False,
    )


def submit(
    head: Head, place: Path, folder: Path, *command: str
) -> subprocess.CompletedProcess[str]:
    options = ("--address", head.jobs, "--folder", str(folder))
    return reservoir_search(
        "submit", *options, "--", *command, cwd=place, timeout=LONG_S, **head.token
    )


@pytest.fixture
def there(tmp_path: Path, small_grammar: Path) -> Path:
    """The folder of the cluster, with data and nothing else."""
    folder = tmp_path / "a cluster's disk"
    shutil.copytree(small_grammar, folder / "data/grammar")
    return folder


def test_a_study_file_of_ours_runs_there_as_it_does_here(
    head: Head, tmp_path: Path, there: Path, small_grammar: Path
):
    here = prepare(tmp_path / "here", Path("data/grammar"), budget="updates = 8")
    done = submit(head, here, there, "run", "mine.toml", "--set", "search.n_trials=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (here / "studies").exists()
    assert "best: trial" in done.stdout
    alone = prepare(tmp_path / "alone", small_grammar, budget="updates = 8")
    settings = ("--set", "search.n_trials=2")
    by_us = reservoir_search("run", "mine.toml", *settings, cwd=alone, timeout=LONG_S)
    assert by_us.returncode == 0, by_us.stderr
    assert on_updates(records_in(there)) == on_updates(records_in(alone))
    show = submit(head, here, there, "show", "mine")
    assert show.returncode == 0
    assert "study mine: aucc_per_mparam over updates" in show.stdout
    options = ("--address", head.jobs, "--folder", str(there))
    looked = reservoir_search("show", "mine", "--json", *options, cwd=here, **head.token)
    assert looked.returncode == 0, looked.stderr
    known = reservoir_search("show", "mine", "--json", cwd=there)
    assert json.loads(looked.stdout) == json.loads(known.stdout)
    assert not (here / "studies").exists()
    exported = reservoir_search(
        "export", "mine", *options, "--out", "best", cwd=here, timeout=LONG_S, **head.token
    )
    assert exported.returncode == 0, exported.stdout + exported.stderr
    files = ("config.json", "model.safetensors", "README.md")
    assert all(
        (here / "best" / name).read_bytes() == (there / "studies/mine/export" / name).read_bytes()
        for name in files
    )
    used = reservoir_search("translate", "best", cwd=here, stdin="ein hund schläft .\n")
    assert (used.returncode, used.stdout.count("\n")) == (0, 1), used.stderr
    fetched = reservoir_search("fetch", "mine", *options, cwd=here, **head.token)
    assert fetched.returncode == 0, fetched.stderr
    assert on_updates(records_in(here)) == on_updates(records_in(alone))


def test_submit_ends_as_its_command_does(head: Head, tmp_path: Path, there: Path):
    here = prepare(tmp_path / "here", Path("data/grammar"), budget="updates = 8")
    unknown = submit(head, here, there, "show", "nothing")
    assert unknown.returncode == 2
    assert "error: study 'nothing': neither" in unknown.stdout
    nowhere = submit(head, here, there / "nowhere", "show", "nothing")
    assert nowhere.returncode == 2
    assert f"error: --folder {there / 'nowhere'}: no such folder on the cluster's head" in (
        nowhere.stdout
    )
    # A learning rate of 1e38 cannot but diverge.
    settings = ("--set", "search.n_trials=1", "--set", "train.lr=1e38")
    failed = submit(head, here, there, "run", "mine.toml", *settings)
    assert failed.returncode == 1
    assert "no trial was completed" in failed.stdout


def test_a_job_goes_on_when_following_stops_and_resumes_when_it_was_stopped(
    head: Head, tmp_path: Path, there: Path
):
    here = prepare(tmp_path / "here", Path("data/grammar"))
    options = ("--address", head.jobs, "--folder", str(there))
    follower = start("submit", *options, "--", "run", "mine.toml", cwd=here, **head.token)
    wait_for(is_in_mid_study(there))
    os.kill(follower.pid, signal.SIGINT)
    assert follower.wait(timeout=120) == 130
    log = (here / "log.txt").read_text()
    found = re.search(r"the job goes on; .* stop it: ray (job stop --address \S+ \S+)", log)
    assert found is not None, log
    n_before = len(records_in(there))
    wait_for(lambda: len(records_in(there)) > n_before)  # it does go on
    assert ray(*found[1].split(), **head.token).returncode == 0
    resumed = submit(head, here, there, "resume", "mine")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert [record.state for record in records_in(there)] == ["completed"] * 4


@pytest.mark.parametrize("wrong", [{}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}])
def test_a_wrong_or_missing_token_is_refused_in_one_line(
    head: Head, tmp_path: Path, there: Path, small_grammar: Path, wrong: dict[str, str]
):
    here = prepare(tmp_path / "here", small_grammar)
    stranger = Head(address=head.address, jobs=head.jobs, token=wrong)
    refused = [
        submit(stranger, here, there, "show", "mine"),
        reservoir_search("run", "mine.toml", "--address", head.address, cwd=here, **wrong),
    ]
    for done in refused:
        assert done.returncode == 2
        assert re.fullmatch(
            r"error: --address \S+: the cluster asks for its token; set RAY_AUTH_MODE=token, .*\n",
            done.stderr,
        ), done.stderr
    assert not (here / "studies").exists()


def test_an_address_without_a_cluster_is_refused_in_one_line(tmp_path: Path, small_grammar: Path):
    here = prepare(tmp_path / "here", small_grammar)
    address = f"127.0.0.1:{free_port()}"
    done = reservoir_search("run", "mine.toml", "--address", address, cwd=here, timeout=120)
    assert done.returncode == 2
    assert re.fullmatch(rf"error: --address {address}: cannot be reached .*\n", done.stderr)
    assert not (here / "studies").exists()
