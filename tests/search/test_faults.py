"""Studies that one fault disturbs, or that are spread over ranks, against undisturbed ones.

Faults at random moments are in ``tests/faults``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from search.run.retries import MAX_ATTEMPTS
from tests.ports import free_port
from tests.search.command_line import environment, reservoir_search, start
from tests.search.disturbed import (
    N_TRIALS,
    examined,
    is_in_mid_study,
    mlflow_server,
    mlflow_statuses,
    on_updates,
    optuna_states,
    prepare,
    processes,
    records_in,
    wait_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, small_grammar: Path) -> Path:
    """A working folder in which the grid ran to its end, with the log of it."""
    place = prepare(tmp_path_factory.mktemp("undisturbed") / "place", small_grammar)
    driver = start("run", "mine.toml", cwd=place)
    assert driver.wait(timeout=600) == 0, (place / "log.txt").read_text()
    return place


def test_two_ranks_give_the_losses_of_one_and_are_reused_at_once(
    tmp_path: Path, small_grammar: Path, undisturbed: Path
):
    place = prepare(tmp_path / "place", small_grammar, ranks="n_ranks = 2")
    driver = start("run", "mine.toml", cwd=place)
    assert driver.wait(timeout=600) == 0, (place / "log.txt").read_text()
    alone, together = on_updates(records_in(undisturbed)), on_updates(records_in(place))
    assert together.keys() == alone.keys()
    for layout, curve in together.items():
        assert [loss for _, _, loss in curve] == pytest.approx(
            [loss for _, _, loss in alone[layout]], rel=2e-3
        )
    for folder in (place, undisturbed):
        gaps_s = gaps_between_trials((folder / "log.txt").read_text())
        assert len(gaps_s) == N_TRIALS - 1
        assert sorted(gaps_s)[1] < 0.5, gaps_s  # the median: a test machine has other work


def gaps_between_trials(log: str) -> list[float]:
    """Seconds from the end of each trial to the start of the next, in a serial study."""
    times: dict[tuple[int, str], datetime] = {}
    for stamp, id_, state in re.findall(r"^(\S+ \S+) trial=(\d+) state=(\w+)", log, re.MULTILINE):
        # The first line of a state: of "running", the start.
        times.setdefault((int(id_), state), datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S,%f"))
    n_trials = len({id_ for id_, _ in times})
    return [
        (times[id_ + 1, "running"] - times[id_, "completed"]).total_seconds()
        for id_ in range(n_trials - 1)
    ]


@pytest.mark.parametrize(
    ("moment", "delay_s"),
    [
        ("studies/mine", 0.0),
        pytest.param("studies/mine/mlflow.db", 0.0, marks=pytest.mark.cluster),
        pytest.param("studies/mine/optuna.log", 0.0, marks=pytest.mark.cluster),
        ("studies/mine/ray", 0.5),
    ],
)
def test_a_driver_killed_while_it_makes_a_study_can_be_resumed(
    tmp_path: Path, small_grammar: Path, moment: str, delay_s: float
):
    place = prepare(tmp_path / "place", small_grammar, budget="updates = 8")
    driver = start("run", "mine.toml", "--set", "search.n_trials=1", cwd=place)
    wait_for((place / moment).exists)
    time.sleep(delay_s)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait(timeout=30)
    done = reservoir_search("resume", "mine", cwd=place, timeout=600)
    assert done.returncode == 0, done.stderr
    assert [record.state for record in records_in(place)] == ["completed"]
    assert mlflow_statuses(place) == ["FINISHED", "FINISHED"]


def test_a_driver_killed_while_mlflow_makes_its_tables_can_be_resumed(
    tmp_path: Path, small_grammar: Path
):
    place = prepare(tmp_path / "place", small_grammar, budget="updates = 8")
    driver = start("run", "mine.toml", "--set", "search.n_trials=1", cwd=place)
    database = place / "studies/mine/mlflow.db"
    # Of all of MLflow's migrations this one cannot be repeated.
    wait_for(lambda: has_index(database, "index_metrics_run_uuid_key_step"), every_s=0.0005)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait(timeout=30)
    done = reservoir_search("resume", "mine", cwd=place, timeout=600)
    assert done.returncode == 0, done.stderr
    assert mlflow_statuses(place) == ["FINISHED", "FINISHED"]


def has_index(database: Path, name: str) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=0.01)) as store:
            found = store.execute("select 1 from sqlite_master where name = ?", (name,))
            return found.fetchone() is not None
    except sqlite3.OperationalError:  # not there yet, or being written
        return False


def settings_in(place: Path) -> dict[str, object]:
    """Contents of ``resolved.json`` that no driver changes while it searches."""
    resolved = json.loads((place / "studies/mine/resolved.json").read_text())
    return {key: value for key, value in resolved.items() if key not in ("spent_s", "crc32")}


def test_a_study_has_one_driver_at_a_time(tmp_path: Path, small_grammar: Path):
    place = prepare(tmp_path / "place", small_grammar)
    driver = start("run", "mine.toml", cwd=place)
    wait_for(is_in_mid_study(place))
    before = settings_in(place)
    second = reservoir_search("resume", "mine", "--trials", "1", cwd=place)
    assert second.returncode == 2
    assert second.stderr.splitlines()[-1] == (
        "error: studies/mine: another driver runs this study; wait for it or stop it first"
    )
    assert settings_in(place) == before
    assert driver.wait(timeout=600) == 0, (place / "log.txt").read_text()
    assert [record.id for record in records_in(place)] == list(range(N_TRIALS))


def test_a_killed_rank_costs_no_more_than_the_work_since_the_checkpoint(
    tmp_path: Path, small_grammar: Path, undisturbed: Path
):
    place = prepare(tmp_path / "place", small_grammar, ranks="n_ranks = 2")
    driver = start("run", "mine.toml", cwd=place)
    wait_for(is_in_mid_study(place))
    (killed,) = (record for record in records_in(place) if record.state == "running")
    second = f"trial={killed.id} state=running update=8 "  # so Tune knows of the first's checkpoint
    wait_for(lambda: second in (place / "log.txt").read_text())
    os.kill(min(wait_for(lambda: processes(driver.pid, "RankActor"))), signal.SIGKILL)
    assert driver.wait(timeout=600) == 0, (place / "log.txt").read_text()
    after, alone = records_in(place), on_updates(records_in(undisturbed))
    assert {record.state for record in after} == {"completed"}
    assert on_updates(after).keys() == alone.keys()
    for layout, curve in on_updates(after).items():
        assert [(updates, loss) for updates, _, loss in curve] == [
            (updates, pytest.approx(loss, rel=2e-3)) for updates, _, loss in alone[layout]
        ]
    told = re.findall(rf"trial={killed.id} state=\w+ update=(\d+)", (place / "log.txt").read_text())
    assert told.count("4") == 1  # it did not start from the beginning again


def test_sigterm_ends_a_search_as_ctrl_c_does(tmp_path: Path, small_grammar: Path):
    """To all of its processes, as a batch system or a container's end sends it."""
    place = prepare(tmp_path / "place", small_grammar)
    driver = start("run", "mine.toml", cwd=place)
    wait_for(is_in_mid_study(place))
    os.killpg(driver.pid, signal.SIGTERM)
    assert driver.wait(timeout=60) == 130, (place / "log.txt").read_text()
    ours = re.compile(r"\S+ \S+ (estimate: |trial=|\d/\d trials )|interrupted$")
    said = (place / "log.txt").read_text().splitlines()
    assert [line for line in said if not ours.match(line)] == []
    assert said[-1] == "interrupted"
    assert "RUNNING" not in mlflow_statuses(place)
    assert not any(finding.faults for finding in examined(place))


def test_a_dead_raylet_ends_the_search_within_a_minute_and_it_can_be_resumed(
    tmp_path: Path, small_grammar: Path, undisturbed: Path
):
    place = prepare(tmp_path / "place", small_grammar)
    driver = start("run", "mine.toml", cwd=place)
    wait_for(is_in_mid_study(place))
    processes_of_ray = psutil.Process(driver.pid).children(recursive=True)
    (raylet,) = (child for child in processes_of_ray if child.name() == "raylet")
    raylet.kill()
    # The trial's process may live for some seconds more, enough to end a study as small as this.
    for child in processes_of_ray:
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.name().startswith("ray::"):
                child.kill()
    assert driver.wait(timeout=60) == 1, (place / "log.txt").read_text()
    last = (place / "log.txt").read_text().splitlines()[-1]
    assert last == "failed: Ray's raylet on this machine has died; resume the study"
    resumed = reservoir_search("resume", "mine", cwd=place, timeout=600)
    assert resumed.returncode == 0, resumed.stderr
    assert on_updates(records_in(place)) == on_updates(records_in(undisturbed))
    assert [finding.verdict for finding in examined(place)] == ["ok"] * 4


def test_a_trial_whose_process_dies_again_and_again_stops_the_study_and_is_no_failure(
    tmp_path: Path, small_grammar: Path
):
    place = prepare(tmp_path / "place", small_grammar)
    driver = start("run", "mine.toml", "--set", "search.n_trials=2", cwd=place)
    killed: set[int] = set()
    while len(killed) < MAX_ATTEMPTS:
        pid = min(wait_for(lambda: processes(driver.pid, "ResourceTrainable") - killed))
        os.kill(pid, signal.SIGKILL)
        killed.add(pid)
    assert driver.wait(timeout=600) == 1, (place / "log.txt").read_text()
    last = (place / "log.txt").read_text().splitlines()[-1]
    assert re.fullmatch(r"failed: trial 0: ActorDiedError: .*, then resume the study", last), last
    (record,) = records_in(place)
    assert record.state == "running"
    assert mlflow_statuses(place) == ["FAILED", "KILLED"]
    assert optuna_states(place) == ["RUNNING"]
    assert not any(finding.faults for finding in examined(place))


def test_data_that_are_away_for_a_while_stop_the_study_and_fail_no_layout(
    tmp_path: Path, small_grammar: Path, undisturbed: Path
):
    data = tmp_path / "data"
    shutil.copytree(small_grammar, data)
    place = prepare(tmp_path / "place", data)
    driver = start("run", "mine.toml", cwd=place)
    wait_for(lambda: "trial=0 state=running update=4 " in (place / "log.txt").read_text())
    data.rename(tmp_path / "elsewhere")
    assert driver.wait(timeout=600) == 1, (place / "log.txt").read_text()
    log = (place / "log.txt").read_text()
    assert re.fullmatch(
        r"failed: trial \d: .*data: holds no manifest.json.* \(3 attempts\); make the files "
        "readable again, then resume the study",
        log.splitlines()[-1],
    ), log
    assert "Traceback" not in log, log
    assert {record.state for record in records_in(place)} <= {"completed", "running"}
    assert "FAIL" not in optuna_states(place)
    assert not any(finding.faults for finding in examined(place))
    (tmp_path / "elsewhere").rename(data)
    resumed = reservoir_search("resume", "mine", cwd=place, timeout=600)
    assert resumed.returncode == 0, resumed.stderr
    assert f" {N_TRIALS} trained, " in resumed.stdout
    assert on_updates(records_in(place)) == on_updates(records_in(undisturbed))
    assert {record.reason for record in records_in(place)} == {None}
    assert [finding.verdict for finding in examined(place)] == ["ok"] * 4


def test_two_ranks_that_diverge_are_a_failed_trial_and_the_next_one_trains(
    tmp_path: Path, small_grammar: Path
):
    space = (
        'depth = 2\nn_reservoirs = 1\ninterleaving = "bottom"\ndecoder_depth = 1\n'
        '[space.hyper]\n"train.lr" = [4e-3, 1e38, 5e-3]'
    )
    tables = {"space": space, "budget": "updates = 8", "ranks": "n_ranks = 2"}
    place = prepare(tmp_path / "place", small_grammar, **tables)
    done = reservoir_search("run", "mine.toml", cwd=place, timeout=600)
    assert done.returncode == 0, done.stderr
    first, second, third = records_in(place)
    assert (first.state, second.state, third.state) == ("completed", "failed", "completed")
    assert str(second.reason).startswith("Diverged: the training loss is")


def test_an_mlflow_server_that_was_away_gets_all_it_missed(tmp_path: Path, small_grammar: Path):
    place, port = prepare(tmp_path / "place", small_grammar), free_port()
    uri = f"http://127.0.0.1:{port}"
    with mlflow_server(tmp_path, port):
        driver = start("run", "mine.toml", cwd=place, MLFLOW_TRACKING_URI=uri)
        wait_for(is_in_mid_study(place))
    wait_for(lambda: sum(record.state == "completed" for record in records_in(place)) > 1)
    with mlflow_server(tmp_path, port) as client:
        assert driver.wait(timeout=600) == 0, (place / "log.txt").read_text()
        if "MLflow does not have all results yet" in (place / "log.txt").read_text():
            done = reservoir_search("resume", "mine", cwd=place, MLFLOW_TRACKING_URI=uri)
            assert done.returncode == 0, done.stderr
        for record in records_in(place):
            run = client.get_run(str(record.mlflow_run_id))
            assert run.info.status == "FINISHED"
            history = client.get_metric_history(run.info.run_id, "score")
            assert [m.step for m in history] == [point.updates for point in record.curve]


def test_a_server_that_is_not_there_is_refused_at_once_and_leaves_no_study(
    tmp_path: Path, small_grammar: Path
):
    place = prepare(tmp_path / "place", small_grammar)
    started = time.monotonic()
    done = reservoir_search(
        *("run", "mine.toml"),
        cwd=place,
        timeout=500,
        MLFLOW_TRACKING_URI=f"http://127.0.0.1:{free_port()}",
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: MLflow at http://127.0.0.1:")
    assert time.monotonic() - started < 60
    assert not (place / "studies/mine").exists()


def test_an_mlflow_server_elsewhere_gets_the_records(tmp_path: Path, small_grammar: Path):
    place, port = prepare(tmp_path / "place", small_grammar), free_port()
    uri = f"http://127.0.0.1:{port}"
    with mlflow_server(tmp_path, port) as client:
        done = reservoir_search(
            *("run", "mine.toml", "--set", "search.n_trials=1"),
            cwd=place,
            MLFLOW_TRACKING_URI=uri,
        )
        assert done.returncode == 0, done.stderr
        experiment = client.get_experiment_by_name("mine")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
        assert [run.info.status for run in runs] == ["FINISHED", "FINISHED"]
        (record,) = records_in(place)
        artifacts = {item.path for item in client.list_artifacts(str(record.mlflow_run_id))}
        assert "curve.csv" in artifacts
        assert not (place / "studies/mine/mlflow.db").exists()


def test_fairseq_trains_and_decodes_an_export_by_itself(undisturbed: Path, small_grammar: Path):
    done = reservoir_search("export", "mine", cwd=undisturbed)
    assert done.returncode == 0, done.stderr
    export = undisturbed / "studies/mine/export"
    bin_folder = str(Path(sys.executable).parent)
    env = environment(PATH=f"{bin_folder}:{os.environ['PATH']}")
    saved = undisturbed / "fairseq"
    trained = subprocess.run(
        [
            *("bash", str(export / "fairseq-train.sh"), str(small_grammar)),
            *("--max-update", "3", "--save-dir", str(saved), "--cpu"),
        ],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert trained.returncode == 0, trained.stderr[-2000:]
    assert (saved / "checkpoint_last.pt").is_file()
    user_dir = str(Path(__file__).resolve().parents[2] / "trainable")
    decoded = subprocess.run(
        [
            *("fairseq-generate", str(small_grammar), "--path", str(export / "checkpoint.pt")),
            *("--user-dir", user_dir, "--beam", "5", "--cpu", "--remove-bpe"),
            *("--required-batch-size-multiple", "1"),
        ],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert decoded.returncode == 0, decoded.stderr[-2000:]
    n_sentences = len((small_grammar / "test.raw.en").read_text().splitlines())
    assert len(re.findall(r"^H-\d+", decoded.stdout, re.MULTILINE)) == n_sentences
