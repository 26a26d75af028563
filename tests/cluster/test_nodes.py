"""A search on a Ray cluster of several nodes, which here are several raylets of one machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from ray.cluster_utils import Cluster

from tests.search.command_line import reservoir_search, start
from tests.search.disturbed import GRID, is_in_mid_study, on_updates, prepare, records_in, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

TRIAL, PEER = "ray::ResourceTrainable", "ray::RankActor"
PACKAGES = ("search", "trainable", "spaces")
LONG_S = 1200  # for a search on a machine that has other work
UPDATES = "updates = 400"  # ten seconds a trial: a node that joins takes as long
NO_LIMIT = 'algorithm = "grid"\nn_trials = 4'  # as many trials at once as fit


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A head that trains nothing, and as yet no other node."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield cluster
    cluster.shutdown()


def search(cluster: Cluster, place: Path) -> subprocess.Popen[str]:
    return start("run", "mine.toml", "--address", cluster.address, cwd=place, **OPEN)


OPEN = {"RAY_AUTH_MODE": "disabled"}


def log_of(place: Path) -> str:
    return (place / "log.txt").read_text()


def workers(node: Any, named: str) -> list[psutil.Process]:
    """The processes of a node with ``named`` in their title."""
    (raylet,) = node.all_processes["raylet"]
    found = []
    for process in psutil.Process(raylet.process.pid).children(recursive=True):
        try:
            if named in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:  # it ended meanwhile
            continue
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, small_grammar: Path) -> Path:
    """A working folder in which the grid ran to its end on this machine alone."""
    place = prepare(tmp_path_factory.mktemp("undisturbed") / "place", small_grammar, budget=UPDATES)
    done = reservoir_search("run", "mine.toml", cwd=place, timeout=LONG_S)
    assert done.returncode == 0, done.stderr
    return place


def test_trials_spread_over_the_nodes_and_to_one_that_joins(
    cluster: Cluster, tmp_path: Path, small_grammar: Path, undisturbed: Path
):
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    place = prepare(tmp_path / "place", small_grammar, budget=UPDATES, search=NO_LIMIT)
    driver = search(cluster, place)
    wait_for(lambda: all(workers(node, TRIAL) for node in nodes))
    nodes.append(cluster.add_node(num_cpus=1))
    wait_for(lambda: workers(nodes[2], TRIAL))
    assert driver.wait(timeout=LONG_S) == 0, log_of(place)
    assert on_updates(records_in(place)) == on_updates(records_in(undisturbed))


def test_workers_run_the_code_that_the_driver_sent(
    cluster: Cluster, tmp_path: Path, small_grammar: Path
):
    node = cluster.add_node(num_cpus=1)
    place = prepare(tmp_path / "place", small_grammar, budget=UPDATES)
    driver = search(cluster, place)
    (worker,) = wait_for(lambda: workers(node, TRIAL))
    first = Path(worker.environ()["PYTHONPATH"].split(os.pathsep)[0])
    assert first.parent.name == "working_dir_files"
    assert all((first / package / "__init__.py").is_file() for package in PACKAGES)
    driver.terminate()
    driver.wait(timeout=60)


def test_the_ranks_of_a_trial_span_nodes(
    cluster: Cluster, tmp_path: Path, small_grammar: Path, undisturbed: Path
):
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    place = prepare(tmp_path / "place", small_grammar, budget=UPDATES, ranks="n_ranks = 2")
    driver = search(cluster, place)
    wait_for(
        lambda: (
            sorted((len(workers(n, TRIAL)), len(workers(n, PEER))) for n in nodes)
            == [(0, 1), (1, 0)]
        )
    )
    assert driver.wait(timeout=LONG_S) == 0, log_of(place)
    alone = on_updates(records_in(undisturbed))
    assert on_updates(records_in(place)).keys() == alone.keys()
    for layout, curve in on_updates(records_in(place)).items():
        assert [loss for _, _, loss in curve] == pytest.approx(
            [loss for _, _, loss in alone[layout]], rel=2e-3
        )


def test_a_node_lost_in_mid_study_costs_nothing(
    cluster: Cluster, tmp_path: Path, small_grammar: Path, undisturbed: Path
):
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    place = prepare(tmp_path / "place", small_grammar, budget=UPDATES)
    driver = search(cluster, place)
    wait_for(is_in_mid_study(place))
    (lost,) = wait_for(lambda: [node for node in nodes if workers(node, TRIAL)])
    cluster.remove_node(lost, allow_graceful=False)
    assert driver.wait(timeout=LONG_S) == 0, log_of(place)
    assert {record.state for record in records_in(place)} == {"completed"}
    assert on_updates(records_in(place)) == on_updates(records_in(undisturbed))


@pytest.mark.parametrize(
    ("ranks", "message"),
    [
        ("cpus_per_rank = 3", "a trial asks for 3 CPUs; the largest node has 2; ask for less"),
        ("gpus_per_rank = 3.0", "a trial asks for 3 GPUs; the largest node has 1; ask for less"),
    ],
)
def test_a_trial_that_no_node_can_hold_is_refused_before_anything_is_written(
    cluster: Cluster, tmp_path: Path, small_grammar: Path, ranks: str, message: str
):
    cluster.add_node(num_cpus=2, num_gpus=1)
    cluster.add_node(num_cpus=2)
    place = prepare(tmp_path / "place", small_grammar, ranks=ranks)
    done = reservoir_search("run", "mine.toml", "--address", cluster.address, cwd=place, **OPEN)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"error: ranks: {message}"
    assert not (place / "studies").exists()


def test_a_finished_study_is_given_more_trials_on_a_cluster(
    cluster: Cluster, tmp_path: Path, small_grammar: Path
):
    place = prepare(
        tmp_path / "place",
        small_grammar,
        budget="updates = 8",
        search=GRID["search"].replace("4", "2"),
    )
    here = reservoir_search("run", "mine.toml", cwd=place, timeout=LONG_S)
    assert here.returncode == 0, here.stderr
    cluster.add_node(num_cpus=1)
    there = reservoir_search(
        *("resume", "mine", "--trials", "4", "--address", cluster.address),
        cwd=place,
        timeout=LONG_S,
        **OPEN,
    )
    assert there.returncode == 0, there.stderr
    assert [record.state for record in records_in(place)] == ["completed"] * 4
