"""A trainable that replays recorded curves without waiting, for spaces larger than their table."""

from __future__ import annotations

import dataclasses
import json
import random
from math import log
from pathlib import Path
from typing import Any

from ray import tune

from search.replay.recorded_studies import open_table
from search.replay.simulated_trial import recorded_result
from search.replay.trial_table import RecordedTrial
from search.study.trained_candidate import candidate_of
from trainable.checkpoint import BEST_WEIGHTS, PROGRESS
from trainable.config import TrialConfig

TABLE = Path(__file__).parent / "tables" / "multi30k-small.jsonl.gz"

# How the objective depends on the setting that the table does not have, and its noise: a
# search has something to find there, so its algorithm works as it would in earnest.
_BEST_LR, _WIDTH, _NOISE = 5e-3, 1.5, 0.05


class ReplayedTrial(tune.Trainable):  # type: ignore[misc]
    """Reports a recorded layout's points, as if ``train.lr`` had been another."""

    def setup(self, config: dict[str, Any]) -> None:
        table = open_table(str(TABLE))
        self._space = table.study.space
        self._recorded = {key: trials[0] for key, trials in table.by_key.items()}
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        n_points = next(self._n_points)
        return recorded_result(
            self._trial, n_points, self._config.objective, horizon=self._config.horizon
        )

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Small files, as many as the driver keeps of a real checkpoint."""
        for name in (BEST_WEIGHTS, PROGRESS):
            Path(checkpoint_dir, name).write_text(json.dumps({"trial": self._id}))

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """There is nothing to go on from."""

    def _begin(self, config: dict[str, Any]) -> None:
        self._id = config["id"]
        self._config = TrialConfig.model_validate(config["trial"])
        key = candidate_of(self._config, self._space).key
        self._trial = _at(self._recorded[key], lr=self._config.train.lr)
        self._n_points = iter(range(1, len(self._trial.curve) + 1))


def _at(recorded: RecordedTrial, *, lr: float) -> RecordedTrial:
    """The recorded trial with its scores moved to another learning rate."""
    noise = random.Random(f"{recorded.candidate.key} {lr}").gauss(0, _NOISE)
    factor = max(0.0, 1 - (log(lr / _BEST_LR) / _WIDTH) ** 2 / 10 + noise)
    curve = tuple(
        dataclasses.replace(point, score=factor * point.score) for point in recorded.curve
    )
    return dataclasses.replace(recorded, curve=curve)
