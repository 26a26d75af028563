"""A trial that is recorded as completed has its weights on the disk, also after a power cut."""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ray import tune
from ray.tune import CheckpointConfig, PlacementGroupFactory
from ray.tune.schedulers import FIFOScheduler

from search.cluster.ray_cluster import local_ray
from search.run.recorder import Recorder
from search.run.tuner import fit, make_tuner
from search.study.errors import WorkFailed
from search.study.kept_weights import KeptWeights, best_weights
from search.study.ledger import Ledger, read_records
from search.study.storage import Storage
from search.study.trial_record import TrialRecord
from search.suggest.searcher import TrialSearcher
from search.suggest.trial_source import NextTrial, TrialSource
from tests.search.conftest import curve_point
from tests.search.synced_disk import SyncedDisk
from trainable.checkpoint import BrokenCheckpoint, Checkpoint, save_checkpoint
from trainable.config import ObjectiveConfig
from trainable.curve import Point

Make = Callable[..., TrialRecord]
N_TRIALS, N_STEPS = 2, 3


def curve_to(n_points: int) -> tuple[Point, ...]:
    return tuple(curve_point(4 * number, 2 * number) for number in range(1, n_points + 1))


def result_of(n_points: int) -> dict[str, Any]:
    """Result of a trial that ends after ``N_STEPS`` validations."""
    return {
        "curve": [point.to_dict() for point in curve_to(n_points)],
        "done": n_points == N_STEPS,
        "finished": n_points == N_STEPS,
        "updates": 4 * n_points,
        "aucc": 1.0,
        "objective": 1.0,
        "n_epochs": 1.0,
        "peak_memory_bytes": 1,
        "host": "here",
        "warmup_s": 0.0,
        "dynamics": {},
    }


def save(n_points: int, folder: Path) -> None:
    weights = {"w": torch.full((2,), float(n_points))}
    save_checkpoint(
        Checkpoint(
            weights=weights,
            best_weights=weights,
            optimizer={},
            curve=curve_to(n_points),
            finished=n_points == N_STEPS,
        ),
        folder,
    )


class Trains(tune.Trainable):  # type: ignore[misc]
    """Saves real checkpoints of tiny weights."""

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True

    def step(self) -> dict[str, Any]:
        return result_of(self.iteration + 1)

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        save(self.iteration, Path(checkpoint_dir))

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing is ever resumed."""


class SomeTrials(TrialSource):
    def __init__(self, make_record: Make) -> None:
        self._left = [
            make_record(id_, state="running", curve=(), aucc=None, objective=None)
            for id_ in range(N_TRIALS)
        ]

    def next_trial(self) -> NextTrial:
        return self._left.pop(0) if self._left else "never"


class CutAtEachOutcome(Ledger):
    """Ledger that cuts the power after each line that says that a trial is completed."""

    after: Callable[[], Path]
    completed: list[int]
    lost: list[int]

    def put(self, record: TrialRecord) -> None:
        super().put(record)
        if record.state == "completed" and record.id not in self.completed:
            self.completed.append(record.id)
            if not has_weights(self.after(), record):
                self.lost.append(record.id)


def has_weights(root: Path, record: TrialRecord) -> bool:
    try:
        kept = best_weights(Storage.at(root / "ray"), record)
    except BrokenCheckpoint:
        return False
    return kept is not None and [point.updates for point in kept[1]] == [4, 8, 12]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CutAtEachOutcome:
    """The ledger of a study in ``tmp_path/study``."""
    (tmp_path / "study").mkdir()
    disk = SyncedDisk(tmp_path / "study", monkeypatch)
    ledger = CutAtEachOutcome.open(tmp_path / "study/trials.jsonl")
    ledger.after = lambda: disk.after_a_power_cut(tmp_path / "left")
    ledger.completed, ledger.lost = [], []
    return ledger


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_power_cut_after_an_outcome_loses_no_weights_whatever_tune_does(
    ledger: CutAtEachOutcome, tmp_path: Path, make_record: Make
):
    storage = Storage.at(tmp_path / "study/ray")
    with local_ray():
        tuner = make_tuner(
            tune.with_resources(Trains, PlacementGroupFactory([{"CPU": 1}])),
            searcher=TrialSearcher(
                ledger,
                SomeTrials(make_record),
                n_concurrent=lambda: 1,
                resume_from=lambda _record: None,
            ),
            scheduler=FIFOScheduler(),
            callbacks=[Recorder(KeptWeights(storage, ObjectiveConfig()), ledger, [])],
            storage=storage,
            session="session-001",
            checkpoints=CheckpointConfig(checkpoint_frequency=1, num_to_keep=2),
            restarts=False,
        )
        fit(tuner)
    assert (ledger.completed, ledger.lost) == ([0, 1], [])
    left = tmp_path / "left"
    assert [r.state for r in read_records(left / "trials.jsonl").values()] == ["completed"] * 2


@dataclasses.dataclass
class Trial:
    """The part of Tune's trial that a callback reads."""

    config: dict[str, Any]


def test_the_recorder_syncs_the_weights_before_it_writes_the_outcome(
    ledger: CutAtEachOutcome, tmp_path: Path, make_record: Make
):
    storage = Storage.at(tmp_path / "study/ray")
    recorder = Recorder(KeptWeights(storage, ObjectiveConfig()), ledger, [])
    ledger.put(make_record(0, state="running", curve=(), aucc=None, objective=None))
    trial: Any = Trial({"id": 0})
    for number in range(1, N_STEPS + 1):
        recorder.on_trial_result(0, [], trial, result_of(number))
        folder = tmp_path / f"study/ray/session-001/trial-0000/checkpoint_{number:06d}"
        folder.mkdir(parents=True)
        save(number, folder)
        recorder.on_trial_save(0, [], trial)
    assert ledger.completed == []
    recorder.on_trial_complete(0, [], trial)
    assert (ledger.completed, ledger.lost) == ([0], [])


def test_weights_that_cannot_be_synced_end_the_search_and_not_the_trial(
    tmp_path: Path, make_record: Make, monkeypatch: pytest.MonkeyPatch
):
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "trials.jsonl"
    with Ledger.in_order(path) as ledger:
        kept = KeptWeights(Storage.at(tmp_path / "ray"), ObjectiveConfig())
        recorder = Recorder(kept, ledger, [])
        ledger.put(make_record(0, state="running", curve=(), aucc=None, objective=None))
        folder = tmp_path / "ray/session-001/trial-0000/checkpoint_000003"
        folder.mkdir(parents=True)
        save(N_STEPS, folder)
        trial: Any = Trial({"id": 0})
        recorder.on_trial_result(0, [], trial, result_of(N_STEPS))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", broken)
            with pytest.raises(WorkFailed, match=r"trial 0: its weights .* then resume the study$"):
                recorder.on_trial_save(0, [], trial)
    assert read_records(path)[0].state == "running"


def test_an_end_whose_weights_were_not_saved_yet_is_not_written_when_the_driver_ends(
    tmp_path: Path, make_record: Make
):
    path = tmp_path / "trials.jsonl"
    with Ledger.in_order(path) as ledger:
        ledger.put(make_record(0, state="running"))
        ledger.update_in_memory(0, state="completed")
    assert read_records(path)[0].state == "running"
