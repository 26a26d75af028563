"""Tune callback that records the results and the end of each trial."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Mapping
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from search.run.retries import Retries
from search.study.errors import WorkFailed
from search.study.kept_weights import KeptWeights
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from trainable.curve import Point
from trainable.environment_fault import EnvironmentFault, environment_fault, reason_of
from trainable.private.tune import last_error
from trainable.teacher_cost import TeacherCost


class Recorder(Callback):  # type: ignore[misc]
    """Tune callback that updates the ledger, then calls the listeners.

    When a trial ends, its storage is freed except for ``kept`` weights. Replayed trials store
    nothing: for them ``kept`` is None.
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
        self._retries = Retries()

    def __getstate__(self) -> dict[str, Any]:
        return {}  # see Ledger

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        record = self._ledger[trial.config["id"]]
        if self._kept is not None:
            self._kept.begin(record)
        self._notify(record)

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
            fields = _result_fields(self._ledger[id_], result)
            self._notify(self._ledger.update(id_, reason=None, **fields))
            return
        # In memory only: on disk a trial has ended once its last checkpoint is saved.
        fields = _result_fields(self._ledger[id_], result)
        self._notify(self._ledger.update_in_memory(id_, **fields, **_end_fields(result)))

    def on_trial_save(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Secure the weights of an ended trial; Tune ends it afterwards.

        Raises:
            OSError: the disk is full.
            WorkFailed: they cannot be brought to the disk; the trial is not recorded as ended.
        """
        record = self._ledger[trial.config["id"]]
        if self._kept is None or record.state != "completed":
            return
        try:
            self._kept.secure(record)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            raise WorkFailed(
                f"trial {record.id}: its weights cannot be brought to the disk "
                f"({error.strerror}); mend the disk, then resume the study"
            ) from error

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        id_ = trial.config["id"]
        self._free_storage(self._ledger.write_down(id_))

    def on_trial_recover(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """Keep a trial that met a fault of its environment running: Tune restarts it.

        It goes on from its newest whole checkpoint, after a wait in its own process. A trial
        that had ended in memory is restarted too. A full disk ends the search at once: the
        records could not be written either.

        Raises:
            OSError: the disk is full.
            WorkFailed: the trial met the same fault too often.
        """
        error = last_error(trial)
        # Whatever else Tune hands over is a process's own, such as a failed save.
        fault = environment_fault(error) or EnvironmentFault(
            kind="process", reason=reason_of(error)
        )
        if os.strerror(errno.ENOSPC) in fault.reason:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        id_ = trial.config["id"]
        self._notify(self._ledger.update(id_, state="running", reason=fault.reason))
        trial.config["wait_s"] = self._retries.wait_s(self._ledger[id_], fault)
        if self._kept is not None:
            with contextlib.suppress(OSError):  # storage that is away for a while
                trial.config["resume_from"] = self._kept.newest_whole(self._ledger[id_])

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """End the search on an error of a trial that Tune does not restart.

        Raises:
            WorkFailed: always; the trial is still to be trained.
        """
        raise WorkFailed(f"trial {trial.config['id']}: {reason_of(last_error(trial))}")

    def _free_storage(self, record: TrialRecord) -> None:
        if self._kept is not None and record.state != "running":
            self._kept.end(record)

    def _notify(self, record: TrialRecord) -> None:
        for listener in self._listeners:
            listener(record)


def _result_fields(record: TrialRecord, result: Mapping[str, Any]) -> dict[str, Any]:
    """New values of the fields of ``record`` from a result; empty if the trial failed."""
    if result.get("failure"):
        return {}
    return {
        "curve": tuple(Point.from_dict(point) for point in result["curve"]),
        "aucc": result["aucc"],
        "objective": result["objective"],
        "n_epochs": result["n_epochs"],
        "peak_memory_bytes": result["peak_memory_bytes"],
        "warmup_s": result["warmup_s"],
        "host": result["host"],
        "dynamics": _with_new(record.dynamics, result),
        "teacher": TeacherCost(**result["teacher"]) if "teacher" in result else None,
    }


def _with_new(
    earlier: Mapping[str, Mapping[str, float]], result: Mapping[str, Any]
) -> Mapping[str, Mapping[str, float]]:
    """Dynamics by update: the earlier ones, and those of the result if it has any."""
    if not result["dynamics"]:
        return earlier
    return {**earlier, str(result["updates"]): result["dynamics"]}


def _end_fields(result: Mapping[str, Any]) -> dict[str, Any]:
    """State of an ended trial, and the reason if it was not completed."""
    if result.get("failure"):
        return {"state": "failed", "reason": result["failure"]}
    if result["finished"]:
        return {"state": "completed", "reason": None}
    return {"state": "stopped", "reason": f"by the scheduler at update {result['updates']}"}
