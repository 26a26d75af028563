"""Studies that are interrupted, killed or spread over ranks, against undisturbed ones."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from search.ledger import read_records
from search.trial_record import TrialRecord
from tests.search.command_line import environment, reservoir_search, start, study_toml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

# Four layouts in a fixed order, one after the other, none stopped early.
GRID = {
    "space": (
        'depth = [2, 3]\nn_reservoirs = 1\ninterleaving = ["bottom", "top"]\ndecoder_depth = 1'
    ),
    "model": "d_model = 16\nffn = 32\nheads = 2\ndropout = 0.0",
    "budget": "updates = 80",
    "search": 'algorithm = "grid"\nn_trials = 4\nn_concurrent = 1',
    "scheduler": 'name = "none"',
}
N_TRIALS = 4


def records_in(place: Path) -> list[TrialRecord]:
    return list(read_records(place / "studies/mine/trials.jsonl").values())


def on_updates(records: list[TrialRecord]) -> dict[str, list[tuple[int, float, float]]]:
    """Each trial's curve without its seconds, by layout."""
    return {
        record.canonical: [(point.updates, point.bleu, point.loss) for point in record.curve]
        for record in records
    }


def prepare(folder: Path, data: Path, **tables: str) -> Path:
    folder.mkdir()
    (folder / "mine.toml").write_text(study_toml(data, **{**GRID, **tables}))
    return folder


def wait_for(condition: Callable[[], bool], *, timeout_s: float = 240) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for never came"
        time.sleep(0.1)


def is_in_mid_study(place: Path) -> Callable[[], bool]:
    """A trial has ended, and the one after it has a checkpoint."""

    def check() -> bool:
        ended = [record for record in records_in(place) if record.state == "completed"]
        running = [record.id for record in records_in(place) if record.state == "running"]
        return bool(ended) and any(
            list(place.glob(f"studies/mine/ray/*/trial-{id_:04d}/checkpoint_*/checksums.json"))
            for id_ in running
        )

    return check


def mlflow_statuses(place: Path) -> list[str]:
    client = MlflowClient(f"sqlite:///{place / 'studies/mine/mlflow.db'}")
    experiment = client.get_experiment_by_name("mine")
    assert experiment is not None
    return sorted(run.info.status for run in client.search_runs([experiment.experiment_id]))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, small_grammar: Path) -> Path:
    """A working folder in which the grid ran to its end, with the log of it."""
    place = prepare(tmp_path_factory.mktemp("undisturbed") / "place", small_grammar)
    driver = start("run", "mine.toml", cwd=place)
    assert driver.wait(timeout=600) == 0, (place / "log.txt").read_text()
    return place


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_driver_that_ends_in_mid_study_loses_nothing(
    tmp_path: Path, small_grammar: Path, undisturbed: Path, how: signal.Signals
):
    place = prepare(tmp_path / "place", small_grammar)
    driver = start("run", "mine.toml", cwd=place)
    wait_for(is_in_mid_study(place))
    before = records_in(place)
    os.kill(driver.pid, how)
    status = driver.wait(timeout=90)
    if how == signal.SIGINT:
        assert status == 130
        assert "RUNNING" not in mlflow_statuses(place)
    resumed = reservoir_search("resume", "mine", cwd=place, timeout=600)
    assert resumed.returncode == 0, resumed.stderr
    after = records_in(place)
    assert [record.id for record in after] == list(range(N_TRIALS))
    assert {record.state for record in after} == {"completed"}
    assert [r for r in after if r.id in {b.id for b in before if b.state == "completed"}] == [
        record for record in before if record.state == "completed"
    ]
    assert on_updates(after) == on_updates(records_in(undisturbed))
    assert mlflow_statuses(place) == ["FINISHED"] * (1 + N_TRIALS)


def test_a_resumed_trial_goes_on_from_its_checkpoint(tmp_path: Path, small_grammar: Path):
    place = prepare(tmp_path / "place", small_grammar)
    driver = start("run", "mine.toml", cwd=place)
    wait_for(is_in_mid_study(place))
    (running,) = (record for record in records_in(place) if record.state == "running")
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait(timeout=90)
    done = reservoir_search("resume", "mine", cwd=place, timeout=600)
    assert done.returncode == 0, done.stderr
    updates = [
        int(found)
        for found in re.findall(rf"trial={running.id} state=running update=(\d+)", done.stderr)
    ]
    assert updates
    assert min(updates) > 4  # the interval of validations: the first was made before the kill


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


def test_a_killed_rank_costs_no_more_than_the_work_since_the_checkpoint(
    tmp_path: Path, small_grammar: Path, undisturbed: Path
):
    place = prepare(tmp_path / "place", small_grammar, ranks="n_ranks = 2")
    driver = start("run", "mine.toml", cwd=place)
    wait_for(is_in_mid_study(place))
    os.kill(pid_of_a_peer(driver.pid), signal.SIGKILL)
    assert driver.wait(timeout=600) == 0, (place / "log.txt").read_text()
    after = records_in(place)
    assert {record.state for record in after} == {"completed"}
    assert {layout: len(curve) for layout, curve in on_updates(after).items()} == {
        layout: len(curve) for layout, curve in on_updates(records_in(undisturbed)).items()
    }


def pid_of_a_peer(driver: int) -> int:
    """The process of a second rank, of the Ray that ``driver`` started."""
    table = subprocess.run(
        ["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[1:]
    rows = [line.split(maxsplit=2) for line in table]
    parents = {int(pid): int(parent) for pid, parent, _ in rows}

    def descends(pid: int) -> bool:
        while pid in parents and pid != driver:
            pid = parents[pid]
        return pid == driver

    return next(int(pid) for pid, _, name in rows if "RankActor" in name and descends(int(pid)))


def test_an_mlflow_server_elsewhere_gets_the_records(tmp_path: Path, small_grammar: Path):
    place = prepare(tmp_path / "place", small_grammar)
    port = "5097"
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--port", port, "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"),
            *("--artifacts-destination", str(tmp_path / "artifacts")),
        ],
        env=environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false"),
        start_new_session=True,
    )
    try:
        uri = f"http://127.0.0.1:{port}"
        client = MlflowClient(uri)
        wait_for(lambda: answers(client))
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
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def answers(client: MlflowClient) -> bool:
    try:
        client.search_experiments()
    except Exception:  # noqa: BLE001 - whatever it says while it starts
        return False
    return True


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
