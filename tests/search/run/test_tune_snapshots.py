"""Tune saves its snapshot of an experiment at the end only, not while a study runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ray import tune
from ray.tune import CheckpointConfig, PlacementGroupFactory
from ray.tune.execution.tune_controller import TuneController
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from search.cluster.ray_cluster import local_ray
from search.run.tuner import make_tuner
from search.study.storage import Storage
from search.suggest.stateless_searcher import StatelessSearcher

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


class Counts(StatelessSearcher):
    """Hands out so many trials."""

    def __init__(self) -> None:
        super().__init__()
        self._n = 0

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        if self._n == N_TRIALS:
            return str(Searcher.FINISHED)
        self._n += 1
        return {"id": self._n}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Nothing to learn."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_tune_saves_its_state_at_the_end_however_often_trials_save_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    saved: list[int] = []
    save = TuneController.save_to_dir

    def note(controller: TuneController) -> None:
        saved.append(sum(trial.is_finished() for trial in controller.get_trials()))
        save(controller)

    monkeypatch.setattr(TuneController, "save_to_dir", note)
    with local_ray():
        make_tuner(
            tune.with_resources(SavesOften, PlacementGroupFactory([{"CPU": 0.5}])),
            searcher=Counts(),
            scheduler=FIFOScheduler(),
            callbacks=[],
            storage=Storage.at(tmp_path),
            session="session-001",
            checkpoints=CheckpointConfig(checkpoint_frequency=1, num_to_keep=2),
            max_restarts=0,
        ).fit()
    while_it_ran = [n_ended for n_ended in saved if n_ended < N_TRIALS]
    assert len(while_it_ran) <= 1  # the first, when there is no trial yet
    assert saved[-1] == N_TRIALS
    kept = list(tmp_path.glob("session-001/trial-*/checkpoint_*"))
    assert len(kept) == 2 * N_TRIALS
