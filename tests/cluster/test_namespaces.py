"""A search over machines of their own addresses, and one that is cut off.

The machines are network namespaces; all but the head's have neither our code nor the data.
They share a disk, as machines with a shared file system do.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cluster.hosts import CODE, PORT, Host, hosts_with_ray
from tests.search.command_line import reservoir_search
from tests.search.disturbed import (
    is_in_mid_study,
    on_updates,
    prepare,
    records_in,
    wait_for,
)
from trainable.data.manifest import Manifest
from trainable.users_folder import users_folder

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces"),
    pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip, of Debian's iproute2"),
]

TRIAL, PEER = "ray::ResourceTrainable", "ray::RankActor"
UPDATES = "updates = 80"


@pytest.fixture
def ray_place() -> Iterator[Path]:
    """A folder with a short name: the path of a socket has at most 107 letters."""
    with tempfile.TemporaryDirectory(prefix="rs-") as folder:
        yield Path(folder)


def search(host: Host, place: Path) -> subprocess.Popen[str]:
    address = f"{host.address}:{PORT}"
    command = [sys.executable, "-m", "search", "run", "mine.toml", "--address", address]
    return host.start(*command, cwd=place, log="log.txt")


def host_of(hosts: list[Host], named: str) -> tuple[Host, psutil.Process]:
    """Host and process of the first process named so, once there is one."""
    found = wait_for(
        lambda: [(host, process) for host in hosts for process in host.processes(named)]
    )
    return found[0]


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, small_grammar: Path
) -> dict[str, list[tuple[int, float, float]]]:
    """The curves of two ranks on two machines."""
    place = prepare(
        tmp_path_factory.mktemp("undisturbed") / "place",
        small_grammar,
        budget=UPDATES,
        ranks="n_ranks = 2",
    )
    copy = users_folder() / "corpora" / Manifest.load(small_grammar).digest
    shutil.rmtree(copy, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix="rs-") as ray_place,
        hosts_with_ray([0, 1, 1], Path(ray_place), [*CODE, small_grammar]) as hosts,
    ):
        driver = search(hosts[0], place)
        (first, trial), (second, peer) = host_of(hosts, TRIAL), host_of(hosts, PEER)
        wait_for(is_in_mid_study(place))
        assert first is not second
        assert second.address in first.peers_of(trial)
        assert first.address in second.peers_of(peer)
        assert driver.wait(timeout=1200) == 0, (place / "log.txt").read_text()
    Manifest.load(copy).check_files(copy)  # the data came along
    return on_updates(records_in(place))


def test_two_ranks_on_two_machines_give_the_losses_of_one_process(
    undisturbed: dict[str, list[tuple[int, float, float]]], small_grammar: Path, tmp_path: Path
):
    alone = prepare(tmp_path / "place", small_grammar, budget=UPDATES)
    done = reservoir_search("run", "mine.toml", cwd=alone, timeout=1200)
    assert done.returncode == 0, done.stderr
    for layout, curve in on_updates(records_in(alone)).items():
        assert [loss for _, _, loss in undisturbed[layout]] == pytest.approx(
            [loss for _, _, loss in curve], rel=2e-3
        )


@pytest.mark.parametrize("victim", [TRIAL, PEER])
def test_a_machine_cut_off_in_mid_trial_costs_no_more_than_the_work_since_the_checkpoint(
    victim: str,
    undisturbed: dict[str, list[tuple[int, float, float]]],
    small_grammar: Path,
    tmp_path: Path,
    ray_place: Path,
):
    place = prepare(tmp_path / "place", small_grammar, budget=UPDATES, ranks="n_ranks = 2")
    with hosts_with_ray([0, 1, 1, 1], ray_place, [*CODE, small_grammar]) as hosts:
        driver = search(hosts[0], place)
        wait_for(is_in_mid_study(place))
        (running,) = (record for record in records_in(place) if record.state == "running")
        second = f"trial={running.id} state=running update=8 "
        wait_for(lambda: second in (place / "log.txt").read_text())
        lost, _ = host_of(hosts, victim)
        lost.cut_off()
        assert driver.wait(timeout=1200) == 0, (place / "log.txt").read_text()
    assert {record.state for record in records_in(place)} == {"completed"}
    assert on_updates(records_in(place)) == undisturbed
    updates = re.findall(
        rf"trial={running.id} state=\w+ update=(\d+)", (place / "log.txt").read_text()
    )
    assert updates.count("4") == 1  # it did not start from the beginning again


def test_a_folder_that_the_machines_do_not_share_is_refused(
    small_grammar: Path, tmp_path: Path, ray_place: Path
):
    place = prepare(tmp_path / "place", small_grammar)
    with hosts_with_ray([0, 1], ray_place, [place]) as hosts:
        driver = search(hosts[0], place)
        assert driver.wait(timeout=600) == 2
        last = (place / "log.txt").read_text().splitlines()[-1]
        assert last.startswith(
            f"error: {place}: is not the same folder on {hosts[1].address}, so a trial there"
        )
    assert not (place / "studies").exists()
