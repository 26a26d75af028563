"""The trainable of a replay: it reports what a table holds, when its time has come."""

from __future__ import annotations

from typing import Any

import ray
from ray import tune

from search.trial_table import RecordedTrial, TrialTable
from spaces.layout import Layout
from spaces.space import Candidate, SearchSpace
from trainable.aucc import aucc
from trainable.config import TrialConfig
from trainable.trial_result import trial_result


class SimulatedTrial(tune.Trainable):  # type: ignore[misc]
    """Reports a recorded trial's points as ``ReservoirTrial`` would, and trains nothing.

    ``config`` is that of ``ReservoirTrial``; ``table``, ``seed`` and ``clock`` are the same
    for all trials of a replay.
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
        return _result(self._recorded, n_points, self._config)

    def _begin(self, config: dict[str, Any]) -> None:
        self._id = config["id"]
        self._config = TrialConfig.model_validate(config["trial"])
        key = candidate_of(self._config, self._table.study.space).key
        self._recorded = self._table.draw(key, seed=self._seed)
        self._n_points = iter(range(1, len(self._recorded.curve) + 1))


def candidate_of(config: TrialConfig, space: SearchSpace) -> Candidate:
    """The candidate of ``space`` that a trial trains."""
    settings = {"model": config.model, "train": config.train}
    hyper = {}
    for name in space.hyper:
        table, _, field = name.partition(".")
        hyper[name] = getattr(settings[table], field)
    return Candidate(
        encoder=Layout.parse(config.model.encoder),
        decoder=Layout.parse(config.model.decoder),
        reservoir_gain=config.model.reservoir_gain,
        hyper=hyper,
    )


def _result(recorded: RecordedTrial, n_points: int, config: TrialConfig) -> dict[str, Any]:
    curve = recorded.curve[:n_points]
    finished = n_points == len(recorded.curve)
    return trial_result(
        curve,
        area=aucc(curve, clock=config.objective.clock, horizon=config.horizon, hold_last=finished),
        objective=config.objective,
        counts=recorded.counts,
        finished=finished,
        n_epochs=recorded.n_epochs_at(curve[-1]),
        peak_memory_bytes=recorded.peak_memory_bytes,
    )
