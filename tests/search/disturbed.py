"""Studies that tests disturb, and how to see what became of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from mlflow.tracking import MlflowClient

from search.doctor.examine import examine
from search.doctor.finding import Finding
from search.study.folder import StudyFolder
from search.study.ledger import read_records
from search.study.trial_record import TrialRecord
from search.suggest.optuna_journal import read_journal
from tests.search.command_line import environment, study_toml

# Four layouts in a fixed order, one after the other, none stopped early.
GRID = {
    "space": (
        'depth = [2, 3]\nn_reservoirs = 1\ninterleaving = ["bottom", "top"]\ndecoder_depth = 1'
    ),
    "model": "d_model = 16\nffn = 32\nheads = 2\ndropout = 0.0",
    "budget": "updates = 160",  # so many that a test has time to disturb them
    "search": 'algorithm = "grid"\nn_trials = 4\nn_concurrent = 1',
    "scheduler": 'name = "none"',
}
N_TRIALS = 4

Found = TypeVar("Found")


def records_in(place: Path) -> list[TrialRecord]:
    return list(read_records(place / "studies/mine/trials.jsonl").values())


def on_updates(records: list[TrialRecord]) -> dict[str, list[tuple[int, float, float]]]:
    """Each trial's curve without its seconds, by layout."""
    return {
        record.canonical: [(point.updates, point.score, point.loss) for point in record.curve]
        for record in records
    }


def prepare(folder: Path, data: Path, **tables: str) -> Path:
    folder.mkdir()
    (folder / "mine.toml").write_text(study_toml(data, **{**GRID, **tables}))
    return folder


def wait_for(
    condition: Callable[[], Found], *, timeout_s: float = 480, every_s: float = 0.1
) -> Found:
    """What ``condition`` gives as soon as that is true, or not empty."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "what the test waits for never came"
        time.sleep(every_s)
    return found


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


def optuna_states(place: Path) -> list[str]:
    trials = read_journal(place / "studies/mine/optuna.log", study="mine").trials
    return [trial.state.name for trial in trials]


def examined(place: Path) -> list[Finding]:
    """Findings of the doctor, without a repair."""
    return examine(StudyFolder(place / "studies/mine"), repair=False)


def processes(driver: int, named: str) -> set[int]:
    """Processes with ``named`` in their title, of the Ray that ``driver`` started.

    One that changes its title, as Ray's do at each call, may be missing for that moment.
    """
    table = subprocess.run(
        ["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[1:]
    rows = [line.split(maxsplit=2) for line in table]
    parents = {int(pid): int(parent) for pid, parent, _ in rows}

    def descends(pid: int) -> bool:
        while pid in parents and pid != driver:
            pid = parents[pid]
        return pid == driver

    return {int(pid) for pid, _, name in rows if named in name and descends(int(pid))}


def start_mlflow(folder: Path, port: int, store: str | None = None) -> subprocess.Popen[bytes]:
    """MLflow's own server in a process group of its own, once it answers.

    Args:
        store: a database; one in ``folder`` if absent.
    """
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", store or f"sqlite:///{folder / 'server.db'}"),
            *("--artifacts-destination", str(folder / "artifacts")),
        ],
        env=environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false"),
        start_new_session=True,
    )
    wait_for(lambda: answers(MlflowClient(f"http://127.0.0.1:{port}")))
    return server


@contextmanager
def mlflow_server(folder: Path, port: int, store: str | None = None) -> Iterator[MlflowClient]:
    """MLflow's own server for as long as the context lasts."""
    server = start_mlflow(folder, port, store)
    try:
        yield MlflowClient(f"http://127.0.0.1:{port}")
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def answers(client: MlflowClient) -> bool:
    try:
        client.search_experiments()
    except Exception:  # noqa: BLE001 - whatever it says while it starts
        return False
    return True
