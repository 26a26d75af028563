"""Tune's callback that writes down what happens to each trial."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from search.study.kept_weights import KeptWeights
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from trainable.curve import Point


class Recorder(Callback):  # type: ignore[misc]
    """Ledger first, then whoever listens; at a trial's end it frees the storage.

    Trials that are replayed leave nothing there: then there are no kept weights.
    """

    def __init__(
        self,
        kept: KeptWeights | None,
        ledger: Ledger,
        listeners: list[Callable[[TrialRecord], None]],
    ) -> None:
        self._kept = kept
        self._ledger = ledger
        self._listeners = listeners

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
            self._tell(self._ledger.update(id_, **_reading(self._ledger[id_], result)))
            return
        # Not on disk yet: a trial has ended when its last checkpoint is there.
        reading = _reading(self._ledger[id_], result)
        self._tell(self._ledger.change(id_, **reading, **_ending(result)))

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        id_ = trial.config["id"]
        self._free_storage(self._ledger.write_down(id_))

    def on_trial_recover(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """A trial whose process died goes on from its checkpoint, also one that had ended.

        A full disk ends the search: to save again would fail again, and in the end the trial.
        """
        if os.strerror(errno.ENOSPC) in str(trial.get_error()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._ledger.change(trial.config["id"], state="running", reason=None)

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        reason = (str(trial.get_error() or "")).strip().split("\n")[-1]
        self._tell(
            self._ledger.update(
                trial.config["id"], state="failed", reason=f"its process died: {reason}"
            )
        )
        self._free_storage(self._ledger[trial.config["id"]])

    def _free_storage(self, record: TrialRecord) -> None:
        if self._kept is not None and record.state != "running":
            self._kept.end(record)

    def _tell(self, record: TrialRecord) -> None:
        for listener in self._listeners:
            listener(record)


def _reading(record: TrialRecord, result: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``record`` that a result brings; none where the trial failed."""
    if result.get("failure"):
        return {}
    return {
        "curve": tuple(Point.from_dict(point) for point in result["curve"]),
        "aucc": result["aucc"],
        "objective": result["objective"],
        "n_epochs": result["n_epochs"],
        "peak_memory_bytes": result["peak_memory_bytes"],
        "host": result["host"],
        "dynamics": _with_new(record.dynamics, result),
    }


def _with_new(
    earlier: Mapping[str, Mapping[str, float]], result: Mapping[str, Any]
) -> Mapping[str, Mapping[str, float]]:
    """The dynamics so far by update; a result brings those of its own, if any."""
    if not result["dynamics"]:
        return earlier
    return {**earlier, str(result["updates"]): result["dynamics"]}


def _ending(result: Mapping[str, Any]) -> dict[str, Any]:
    if result.get("failure"):
        return {"state": "failed", "reason": result["failure"]}
    if result["finished"]:
        return {"state": "completed"}
    return {"state": "stopped", "reason": f"by the scheduler at update {result['updates']}"}
