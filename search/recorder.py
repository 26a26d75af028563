"""Tune's callback that writes down what happens to each trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from search.kept_weights import keep_best_weights
from search.ledger import Ledger
from search.study_folder import StudyFolder
from search.trial_record import TrialRecord
from trainable.config import ObjectiveConfig
from trainable.curve import Point


class Recorder(Callback):  # type: ignore[misc]
    """Ledger first, then whoever listens; at a trial's end it frees the disk.

    Without a folder there is nothing on disk to free: trials are replayed.
    """

    def __init__(
        self,
        folder: StudyFolder | None,
        ledger: Ledger,
        objective: ObjectiveConfig,
        listeners: list[Callable[[TrialRecord], None]],
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._objective = objective
        self._listeners = listeners
        self._closing: set[int] = set()  # trials that ended and still save their checkpoint

    def __getstate__(self) -> dict[str, Any]:
        return {}  # see Ledger

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self._tell(self._ledger[trial.config["id"]])

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, Any],
        **info: Any,
    ) -> None:
        id_ = trial.config["id"]
        if not result["done"]:
            self._tell(self._ledger.update(id_, **_reading(result)))
            return
        # Not on disk yet: a trial has ended when its last checkpoint is there.
        self._closing.add(id_)
        self._tell(self._ledger.change(id_, **_reading(result), **_ending(result)))

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        id_ = trial.config["id"]
        self._closing.discard(id_)
        self._ledger.put(self._ledger[id_])
        if self._folder is not None:
            ended = [record for record in self._ledger.records if record.id not in self._closing]
            keep_best_weights(self._folder, ended, self._objective)

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self._closing.discard(trial.config["id"])
        reason = (str(trial.get_error() or "")).strip().split("\n")[-1]
        self._tell(
            self._ledger.update(
                trial.config["id"], state="failed", reason=f"its process died: {reason}"
            )
        )

    def _tell(self, record: TrialRecord) -> None:
        for listener in self._listeners:
            listener(record)


def _reading(result: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record that a result brings; none where the trial failed."""
    if result.get("failure"):
        return {}
    return {
        "curve": tuple(Point.from_dict(point) for point in result["curve"]),
        "aucc": result["aucc"],
        "objective": result["objective"],
        "n_epochs": result["n_epochs"],
        "peak_memory_bytes": result["peak_memory_bytes"],
        "host": result["host"],
    }


def _ending(result: Mapping[str, Any]) -> dict[str, Any]:
    if result.get("failure"):
        return {"state": "failed", "reason": result["failure"]}
    if result["finished"]:
        return {"state": "completed"}
    return {"state": "stopped", "reason": f"by the scheduler at update {result['updates']}"}
