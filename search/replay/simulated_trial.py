"""Trainable of a replay: it reports recorded points in simulated time."""

from __future__ import annotations

from typing import Any

import ray
from ray import tune

from search.replay.trial_table import RecordedTrial, TrialTable
from search.study.trained_candidate import candidate_of
from trainable.aucc import aucc
from trainable.config import ObjectiveConfig, TrialConfig
from trainable.trial_result import trial_result


class SimulatedTrial(tune.Trainable):  # type: ignore[misc]
    """Reports a recorded trial's points as ``ReservoirTrial`` would, and trains nothing.

    ``config`` is that of ``ReservoirTrial``; all trials of a replay have the same ``table``,
    ``seed`` and ``clock`` (a handle of ``SimulatedClock``).
    """

    def setup(self, config: dict[str, Any], *, table: TrialTable, seed: int, clock: Any) -> None:
        self._table = table
        self._seed = seed
        self._clock = clock
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        n_points = next(self._n_points)
        ray.get(self._clock.reach.remote(self._id, self._recorded.curve[n_points - 1].seconds))
        return recorded_result(
            self._recorded, n_points, self._config.objective, horizon=self._config.horizon
        )

    def _begin(self, config: dict[str, Any]) -> None:
        self._id = config["id"]
        self._config = TrialConfig.model_validate(config["trial"])
        key = candidate_of(self._config, self._table.study.space).key
        self._recorded = self._table.pick(key, seed=self._seed)
        self._n_points = iter(range(1, len(self._recorded.curve) + 1))


def recorded_result(
    recorded: RecordedTrial, n_points: int, objective: ObjectiveConfig, *, horizon: float
) -> dict[str, Any]:
    """Result for Tune of a recorded trial after ``n_points`` validations, under ``objective``."""
    curve = recorded.curve[:n_points]
    finished = n_points == len(recorded.curve)
    return trial_result(
        curve,
        area=aucc(curve, clock=objective.clock, horizon=horizon, hold_last=finished),
        objective=objective,
        counts=recorded.counts,
        finished=finished,
        n_epochs=recorded.n_epochs_at(curve[-1]),
        peak_memory_bytes=recorded.peak_memory_bytes,
    )
