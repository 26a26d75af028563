"""Trials that meet faults of their environment wait and are tried again; nothing counts them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray import tune
from ray.tune import CheckpointConfig, PlacementGroupFactory
from ray.tune.schedulers import FIFOScheduler

from search.cluster.ray_cluster import local_ray
from search.run import retries
from search.run.recorder import Recorder
from search.run.retries import MAX_ATTEMPTS, WAITS_S, Retries
from search.run.tuner import fit, make_tuner
from search.study.errors import WorkFailed
from search.study.kept_weights import KeptWeights
from search.study.ledger import Ledger, read_records
from search.study.storage import Storage
from search.study.trial_record import TrialRecord
from search.suggest.searcher import TrialSearcher
from search.suggest.trial_source import NextTrial, TrialSource
from trainable.environment_fault import EnvironmentFault

DATA_GONE = EnvironmentFault(kind="files", reason="FileNotFoundError: data")
NODE_GONE = EnvironmentFault(kind="node", reason="NodeDiedError: its node")


def test_the_third_fault_in_a_row_with_one_reason_ends_the_search(
    make_record: Callable[..., TrialRecord],
):
    tried = Retries()
    record = make_record(3, state="running")
    assert [tried.wait_s(record, DATA_GONE) for _ in WAITS_S] == list(WAITS_S)
    with pytest.raises(WorkFailed, match=r"^trial 3: FileNotFoundError: data \(3 attempts\); make"):
        tried.wait_s(record, DATA_GONE)


def test_faults_of_other_trials_or_with_another_reason_are_none_in_a_row(
    make_record: Callable[..., TrialRecord],
):
    tried = Retries()
    for id_ in range(2 * MAX_ATTEMPTS):
        assert tried.wait_s(make_record(id_, state="running"), DATA_GONE) == WAITS_S[0]
    record = make_record(0, state="running")
    for _ in range(MAX_ATTEMPTS):
        assert tried.wait_s(record, NODE_GONE) == WAITS_S[0]
        assert tried.wait_s(record, DATA_GONE) == WAITS_S[0]


def test_faults_with_progress_in_between_are_none_in_a_row(make_record: Callable[..., TrialRecord]):
    tried, whole = Retries(), make_record(0, state="running")
    for n_points in range(1 + len(whole.curve)):
        record = replace(whole, curve=whole.curve[:n_points])
        assert tried.wait_s(record, DATA_GONE) == WAITS_S[0]
    # An update that was reached before is no progress.
    assert tried.wait_s(replace(whole, curve=whole.curve[:1]), DATA_GONE) == WAITS_S[1]
    with pytest.raises(WorkFailed):
        tried.wait_s(whole, DATA_GONE)


@pytest.mark.parametrize("newest", ["session-001/trial-0000/checkpoint_000001", None])
def test_the_next_attempt_knows_the_newest_whole_checkpoint(
    make_record: Callable[..., TrialRecord],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    newest: str | None,
):
    monkeypatch.setattr(KeptWeights, "newest_whole", lambda *_: newest)
    monkeypatch.setattr("search.run.recorder.last_error", lambda _: ConnectionResetError("lost"))
    record = make_record(0, state="running")
    kept = KeptWeights(Storage.at(tmp_path), record.config.objective)
    trial: Any = SimpleNamespace(config={"id": 0, "resume_from": "an older session"})
    with Ledger.in_order(tmp_path / "trials.jsonl") as ledger:
        ledger.put(record)
        Recorder(kept, ledger, []).on_trial_recover(1, [trial], trial)
    assert trial.config["resume_from"] == newest


class Disturbed(tune.Trainable):  # type: ignore[misc]
    """Trial whose first attempts meet the faults that files in ``place`` ask for.

    ``faults/ID`` holds a fault a line, of which each attempt takes the first.
    """

    def setup(self, config: dict[str, Any]) -> None:
        self._fault = self._next_fault(config)
        self._n_steps = 0

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        if self._fault == "process dies in reset":
            os._exit(1)
        if self._fault == "reset raises":
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        return True

    def _next_fault(self, config: dict[str, Any]) -> str:
        file = Path(config["trial"]["data"]) / "faults" / str(config["id"])
        faults = file.read_text().splitlines() if file.exists() else []
        if faults:
            file.write_text("\n".join(faults[1:]))
        return faults[0] if faults else ""

    def step(self) -> dict[str, Any]:
        self._n_steps += 1
        if self._fault == "files":
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", "valid.raw.en")
        if self._fault == "process dies":
            os._exit(1)
        if self._fault == "diverges":
            return {"failure": "Diverged: the training loss is nan", "done": True}
        return {
            **dict.fromkeys(("aucc", "objective", "n_epochs", "warmup_s"), 1.0),
            "updates": 4,
            "curve": [],
            "peak_memory_bytes": 1,
            "host": "here",
            "dynamics": {},
            "failure": None,
            "finished": True,
            "done": True,
        }

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing to save."""

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing was saved."""


class Told(TrialSource):
    """Gives ``n_trials`` trials, and keeps what it is told of their ends."""

    def __init__(self, ledger: Ledger, make: Callable[[int], TrialRecord], n_trials: int) -> None:
        self._ledger, self._make, self._n_trials = ledger, make, n_trials
        self.ends: list[tuple[int, str]] = []

    def next_trial(self) -> NextTrial:
        id_ = self._ledger.next_id
        return self._make(id_) if id_ < self._n_trials else "never"

    def end(self, record: TrialRecord, result: Any) -> None:
        self.ends.append((record.id, record.state))


@pytest.fixture(scope="module")
def running_ray() -> Iterator[None]:
    with local_ray():
        yield


@pytest.fixture
def search(
    running_ray: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_record: Callable[..., TrialRecord],
) -> Callable[..., Told]:
    """A search over ``n_trials`` trials, one after the other, with the given faults by trial."""
    monkeypatch.setattr(retries, "WAITS_S", (0.0, 0.0))
    (tmp_path / "faults").mkdir()

    def make(id_: int) -> TrialRecord:
        record = make_record(id_, state="running", curve=(), aucc=None, objective=None)
        return replace(record, config=record.config.model_copy(update={"data": str(tmp_path)}))

    def run(n_trials: int, session: str = "session-001", **faults: list[str]) -> Told:
        for name, wanted in faults.items():
            (tmp_path / "faults" / name.removeprefix("trial_")).write_text("\n".join(wanted))
        with Ledger.in_order(tmp_path / "trials.jsonl") as ledger:
            told = Told(ledger, make, n_trials)
            searcher = TrialSearcher(
                ledger, told, n_concurrent=lambda: 1, resume_from=lambda _record: None
            )
            tuner = make_tuner(
                tune.with_resources(Disturbed, PlacementGroupFactory([{"CPU": 0.5}])),
                searcher=searcher,
                scheduler=FIFOScheduler(),
                callbacks=[Recorder(None, ledger, [])],
                storage=Storage.at(tmp_path),
                session=session,
                checkpoints=CheckpointConfig(checkpoint_at_end=False),
                restarts=True,
            )
            fit(tuner)
        return told

    return run


def states(folder: Path) -> list[str]:
    return [record.state for record in read_records(folder / "trials.jsonl").values()]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_trial_is_tried_again_after_each_passing_fault(
    search: Callable[..., Told], tmp_path: Path
):
    told = search(
        5,
        trial_0=["files", "process dies"],
        trial_1=["diverges"],
        trial_2=["process dies in reset"],
        trial_4=["reset raises"],
    )
    others = [(id_, "completed") for id_ in (2, 3, 4)]
    assert told.ends == [(0, "completed"), (1, "failed"), *others]
    reasons = [record.reason for record in read_records(tmp_path / "trials.jsonl").values()]
    assert reasons == [None, "Diverged: the training loss is nan", None, None, None]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_fault_that_stays_stops_the_search_and_the_next_one_trains_the_others_first(
    search: Callable[..., Told], tmp_path: Path
):
    with pytest.raises(
        WorkFailed, match=r"^trial 0: FileNotFoundError: .*, then resume the study$"
    ):
        search(3, trial_0=["files"] * MAX_ATTEMPTS)
    assert states(tmp_path) == ["running"]
    told = search(3, session="session-002")
    assert told.ends == [(1, "completed"), (2, "completed"), (0, "completed")]
