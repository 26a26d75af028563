"""Tune saves its snapshot of an experiment at the end only, not while a study runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from ray.tune import CheckpointConfig, PlacementGroupFactory
from ray.tune.execution.tune_controller import TuneController
from ray.tune.schedulers import FIFOScheduler

from search.cluster.ray_cluster import local_ray
from search.run.tuner import make_tuner
from search.study.ledger import Ledger
from search.study.storage import Storage
from search.study.trial_record import TrialRecord
from search.suggest.searcher import TrialSearcher
from search.suggest.trial_source import NextTrial, TrialSource

N_TRIALS, N_STEPS = 4, 6


class SavesOften(tune.Trainable):  # type: ignore[misc]
    """Saves a checkpoint after each of its steps."""

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True

    def step(self) -> dict[str, Any]:
        return {"done": self.iteration == N_STEPS - 1}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        Path(checkpoint_dir, "file").touch()

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing was saved, so nothing is loaded."""


class SomeTrials(TrialSource):
    """So many trials, whatever they are."""

    def __init__(self, make_record: Callable[..., TrialRecord]) -> None:
        self._left = [make_record(id_, state="running") for id_ in range(N_TRIALS)]

    def next_trial(self) -> NextTrial:
        return self._left.pop(0) if self._left else "never"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_tune_saves_its_state_at_the_end_however_often_trials_save_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_record: Callable[..., TrialRecord]
):
    saved: list[int] = []
    save = TuneController.save_to_dir

    def note(controller: TuneController) -> None:
        saved.append(sum(trial.is_finished() for trial in controller.get_trials()))
        save(controller)

    monkeypatch.setattr(TuneController, "save_to_dir", note)
    searcher = TrialSearcher(
        Ledger.open(tmp_path / "trials.jsonl"),
        SomeTrials(make_record),
        n_concurrent=lambda: N_TRIALS,
        resume_from=lambda _record: None,
    )
    with local_ray():
        make_tuner(
            tune.with_resources(SavesOften, PlacementGroupFactory([{"CPU": 0.5}])),
            searcher=searcher,
            scheduler=FIFOScheduler(),
            callbacks=[],
            storage=Storage.at(tmp_path),
            session="session-001",
            checkpoints=CheckpointConfig(checkpoint_frequency=1, num_to_keep=2),
            restarts=False,
        ).fit()
    while_it_ran = [n_ended for n_ended in saved if n_ended < N_TRIALS]
    assert len(while_it_ran) <= 1  # the first, when there is no trial yet
    assert saved[-1] == N_TRIALS
    kept = list(tmp_path.glob("session-001/trial-*/checkpoint_*"))
    assert len(kept) == 2 * N_TRIALS
