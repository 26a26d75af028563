"""A thread that keeps MLflow up to date with a search.

Neither a slow server nor one that is away holds up the search; what could not be sent is
sent again.
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
from search.study.tracking_uri import shown
from search.study.trial_record import TrialRecord
from search.tracking.store import open_store, telling_the_uri, tracking_uri
from search.tracking.study_run import StudyRun
from search.tracking.trial_runs import TrialRuns

logger = logging.getLogger(__name__)

RETRY_S = 5.0
CLOSING_S = 60.0  # how long the end of a search waits for a server that takes nothing


class Tracking:
    """Keeps MLflow in step with a study's ledger."""

    def __init__(self, uri: str, study_run: StudyRun, trial_runs: TrialRuns) -> None:
        self._uri = uri
        self._study_run = study_run
        self._trial_runs = trial_runs
        self._waiting: dict[int, TrialRecord] = {}
        self._changed = threading.Condition()
        self._deadline: float | None = None  # set when the search is over
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)

    @classmethod
    def start(cls, config: StudyConfig, folder: StudyFolder, ledger: Ledger) -> Self:
        """Open the store and the study's run, and start the thread that sends.

        Raises:
            UserError: there is no MLflow store at the tracking URI.
        """
        uri = tracking_uri(config, folder)
        with telling_the_uri(uri):
            study_run = StudyRun.open(open_store(uri, folder), config, folder)
        tracking = cls(uri, study_run, TrialRuns(study_run, ledger))
        tracking._thread.start()
        return tracking

    def __getstate__(self) -> dict[str, Any]:
        return {}  # see Ledger

    def note(self, record: TrialRecord) -> None:
        """Have ``record`` sent as it now stands; returns at once."""
        with self._changed:
            self._waiting[record.id] = record
            self._changed.notify()

    def close(self, status: str, *, metrics: dict[str, float], tags: dict[str, str]) -> bool:
        """Send what is left and end the study's run; False if some could not be sent."""
        with self._changed:
            self._deadline = deadline = time.monotonic() + CLOSING_S
            self._changed.notify()
        while self._thread.is_alive() and deadline > time.monotonic():
            self._thread.join(deadline - time.monotonic())
            deadline = self._deadline  # which moves with each record that is sent
        if self._thread.is_alive():
            return False
        try:
            self._study_run.end(status, metrics=metrics, tags=tags)
        except mlflow.exceptions.MlflowException:
            logger.warning("MLflow at %s could not be told the end of the study", shown(self._uri))
            return False
        return not self._waiting

    def interrupt(self, record: TrialRecord) -> None:
        """Mark a trial that a later driver will go on with."""
        if record.mlflow_run_id is None or self._thread.is_alive():
            return
        try:
            self._trial_runs.interrupt(record.mlflow_run_id)
        except mlflow.exceptions.MlflowException as error:
            logger.warning("MLflow at %s: %s", shown(self._uri), _first_line(error))

    def _work(self) -> None:
        """Send what waits, in turn, until the search is over; what fails goes to the end."""
        while (record := self._next()) is not None:
            try:
                self._trial_runs.send(record)
                self._put_off_the_deadline()
            except Exception as error:  # noqa: BLE001 - whatever a store fails of: try again
                told = _first_line(error)
                logger.warning("MLflow at %s: %s; trying again", shown(self._uri), told)
                with self._changed:
                    self._waiting.setdefault(record.id, record)
                    if self._deadline is not None and time.monotonic() > self._deadline:
                        return
                time.sleep(RETRY_S)

    def _put_off_the_deadline(self) -> None:
        with self._changed:
            if self._deadline is not None:
                self._deadline = time.monotonic() + CLOSING_S

    def _next(self) -> TrialRecord | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._deadline is not None)
            if not self._waiting:
                return None
            return self._waiting.pop(next(iter(self._waiting)))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
