"""A thread that sends a search's records to MLflow.

Neither a slow server nor an unreachable one holds up the search; records that could not be
sent are sent again.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Self

import mlflow

from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import Ledger
from search.study.tracking_uri import redacted
from search.study.trial_record import TrialRecord
from search.tracking.faults import reason
from search.tracking.store import (
    mlflow_errors_as_user_errors,
    open_store,
    store_address,
    tracking_uri,
)
from search.tracking.study_run import StudyRun
from search.tracking.trial_runs import TrialRuns

logger = logging.getLogger(__name__)

RETRY_S = 5.0  # pause after a record could not be sent
CLOSING_S = 60.0  # longest time without a sent record before the end of a search gives up


class Tracking:
    """Sends the records of a study's ledger to MLflow, in a thread of its own."""

    def __init__(self, uri: str, study_run: StudyRun, trial_runs: TrialRuns) -> None:
        self._uri = uri
        self._study_run = study_run
        self._trial_runs = trial_runs
        self._waiting: dict[int, TrialRecord] = {}
        self._changed = threading.Condition()
        self._deadline: float | None = None  # monotonic time; None until the search is over
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)

    @classmethod
    def start(cls, config: StudyConfig, folder: StudyFolder, ledger: Ledger) -> Self:
        """Open the store and the study's run, and start the sending thread.

        Raises:
            UserError: there is no MLflow store at the tracking URI.
        """
        uri = tracking_uri(config, folder)
        with mlflow_errors_as_user_errors(uri):
            study_run = StudyRun.open(open_store(uri, folder), config, folder)
            trial_runs = TrialRuns(study_run, ledger)
            trial_runs.settle()
        _note_store(uri, folder, ledger)
        tracking = cls(uri, study_run, trial_runs)
        tracking._thread.start()
        return tracking

    def __getstate__(self) -> dict[str, Any]:
        return {}  # see Ledger

    def note(self, record: TrialRecord) -> None:
        """Queue ``record`` for sending, in place of an earlier version; returns at once."""
        with self._changed:
            self._waiting[record.id] = record
            self._changed.notify()

    def close(self, status: str, *, metrics: dict[str, float], tags: dict[str, str]) -> bool:
        """Send the records that are left, then end the study's run.

        What was deleted in MLflow meanwhile is restored or sent again.

        Waits while records are being sent, but no longer than ``CLOSING_S`` for any of them.

        Args:
            status: MLflow's status of the study's run: FINISHED, FAILED or KILLED.
            metrics, tags: totals of the study.

        Returns:
            False if something could not be sent; ``resume`` and ``doctor --mend`` send it later.
        """
        with self._changed:
            self._deadline = deadline = time.monotonic() + CLOSING_S
            self._changed.notify()
        while self._thread.is_alive() and deadline > time.monotonic():
            self._thread.join(deadline - time.monotonic())
            deadline = self._deadline  # each record that is sent extends it
        if self._thread.is_alive():
            return False
        try:
            self._trial_runs.complete()
            self._study_run.end(status, metrics=metrics, tags=tags)
        except Exception:  # noqa: BLE001 - a later driver does it, whatever the store raised
            logger.warning("MLflow at %s could not record the study's end", redacted(self._uri))
            return False
        return not self._waiting

    def interrupt(self, record: TrialRecord) -> None:
        """Mark a trial's run as interrupted: a later driver resumes it. Call it after ``close``."""
        if record.mlflow_run_id is None or self._thread.is_alive():
            return
        try:
            self._trial_runs.interrupt(record.mlflow_run_id)
        except mlflow.exceptions.MlflowException as error:
            logger.warning("MLflow at %s: %s", redacted(self._uri), reason(error, self._uri))

    def _work(self) -> None:
        """Send queued records until the search is over; those that fail are queued again."""
        told: str | None = None  # the last reason that was logged, while records fail
        while (record := self._next()) is not None:
            try:
                self._trial_runs.send(record)
                self._extend_deadline()
                told = None
            except Exception as error:  # noqa: BLE001 - try again, whatever the store raised
                why = reason(error, self._uri)
                if why != told:  # a server can be away for hours
                    told = why
                    logger.warning("MLflow at %s: %s; trying again", redacted(self._uri), why)
                self._trial_runs.doubt(record.id)  # the experiment may have been deleted
                with self._changed:
                    self._waiting.setdefault(record.id, record)
                    if self._deadline is not None and time.monotonic() > self._deadline:
                        return
                time.sleep(RETRY_S)

    def _extend_deadline(self) -> None:
        with self._changed:
            if self._deadline is not None:
                self._deadline = time.monotonic() + CLOSING_S

    def _next(self) -> TrialRecord | None:
        """Wait for the next queued record; None once the queue is empty and the search over."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._deadline is not None)
            if not self._waiting:
                return None
            return self._waiting.pop(next(iter(self._waiting)))


def _note_store(uri: str, folder: StudyFolder, ledger: Ledger) -> None:
    """Note in the study's folder where its runs are, and tell of a change."""
    before, now = folder.tracked_at(), store_address(uri, folder)
    if before == now:
        return
    if before is not None:
        logger.warning(
            "MLflow: the study was recorded at %s until now, from here on it is at %s; runs of "
            "its %d trials are made there from %s",
            before,
            now,
            len(ledger),
            folder.trials,
        )
    folder.change(tracked_at=now)
