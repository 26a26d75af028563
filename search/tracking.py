"""MLflow: a parent run for the study, a child run for each trial.

A thread of its own brings MLflow up to date with what it was told, so that neither a
slow server nor one that is away holds up the search; what could not be sent is sent
again. All it sends is a function of the trial's record, so sending twice does no harm.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from search.curve_files import write_curve_csv, write_curve_png
from search.ledger import Ledger
from search.study_config import StudyConfig
from search.study_folder import StudyFolder
from search.tracking_uri import environment_uri, shown
from search.trial_record import TrialRecord
from spaces.errors import UserError

logger = logging.getLogger(__name__)

RETRY_S = 5.0
CLOSING_S = 60.0  # how long the end of a search waits for a server that takes nothing

STATUS = {"running": "RUNNING", "completed": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
TRIAL_ID = "reservoir_search.trial_id"
STUDY = "reservoir_search.study"


def tracking_uri(config: StudyConfig, folder: StudyFolder) -> str:
    """``MLFLOW_TRACKING_URI``, the study's own setting, or SQLite in the study's folder."""
    return _chosen_uri(config) or _sqlite(folder.mlflow_database)


def check_store(config: StudyConfig) -> None:
    """See whether a store that was chosen can be reached; a study's own need not be there yet.

    Raises:
        UserError: there is no MLflow store at the tracking URI.
    """
    uri = _chosen_uri(config)
    if uri is not None:
        with _telling_the_uri(uri):
            MlflowClient(uri).search_experiments(max_results=1)


@dataclass(frozen=True, slots=True)
class _Stored:
    """Which points of a trial MLflow has: how many, and update and BLEU of the last."""

    start_ms: int  # of the run
    n_points: int
    last: tuple[int, float] | None

    def begins(self, record: TrialRecord) -> bool:
        """Whether they are the first of the trial's curve, or can still become that."""
        if self.last is None:
            return True
        if self.n_points > len(record.curve):
            return record.state == "running"  # it went on from a checkpoint before them
        point = record.curve[self.n_points - 1]
        return (point.updates, point.bleu) == self.last


def sent_points(client: MlflowClient, run_id: str) -> list[tuple[int, float]]:
    """Update and BLEU of the points that a trial's run has."""
    return [(m.step, m.value) for m in client.get_metric_history(run_id, "bleu")]


class Tracking:
    """Keeps MLflow in step with a study's ledger."""

    def __init__(self, config: StudyConfig, folder: StudyFolder, ledger: Ledger) -> None:
        """Open the store and the study's run.

        Raises:
            UserError: there is no MLflow store at the tracking URI.
        """
        self._config = config
        self._ledger = ledger
        self._purpose = folder.purpose()
        self._uri = tracking_uri(config, folder)
        with _telling_the_uri(self._uri):
            if self._uri == _sqlite(folder.mlflow_database):
                _make_database(folder.mlflow_database)
            self._client = MlflowClient(self._uri)
            self.experiment_id = self._open_experiment(folder)
            self.parent_id = self._open_parent(folder)
        self._commit = _commit()
        self._stored: dict[int, _Stored] = {}
        self._waiting: dict[int, TrialRecord] = {}
        self._changed = threading.Condition()
        self._deadline: float | None = None  # set when the search is over
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self._thread.start()

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
            now = _now_ms()
            self._client.log_batch(
                self.parent_id,
                metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
                tags=[RunTag(name, value) for name, value in tags.items()],
            )
            self._client.set_terminated(self.parent_id, status)
        except mlflow.exceptions.MlflowException:
            logger.warning("MLflow at %s could not be told the end of the study", shown(self._uri))
            return False
        return not self._waiting

    def interrupt(self, record: TrialRecord) -> None:
        """Mark a trial that a later driver will go on with."""
        if record.mlflow_run_id is None or self._thread.is_alive():
            return
        try:
            self._client.set_tag(record.mlflow_run_id, "state", "interrupted")
            self._client.set_terminated(record.mlflow_run_id, "KILLED")
        except mlflow.exceptions.MlflowException as error:
            logger.warning("MLflow at %s: %s", shown(self._uri), _first_line(error))

    def _work(self) -> None:
        """Send what waits, in turn, until the search is over; what fails goes to the end."""
        while (record := self._next()) is not None:
            try:
                self._send(record)
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

    def _send(self, record: TrialRecord) -> None:
        """Bring the trial's run up to ``record``, making the run where there is none."""
        run_id = self._ledger[record.id].mlflow_run_id
        if run_id is None or (record.id not in self._stored and not self._knows(run_id)):
            run_id = self._open_child(record)
            self._ledger.note_run(record.id, run_id)
        if record.id not in self._stored and self._take_up(run_id, record):
            return
        if not self._stored[record.id].begins(record):
            # The trial went on from a checkpoint before the last point it had sent, and came
            # to another value. MLflow takes no point back, so the run makes way for a new one.
            del self._stored[record.id]
            self._client.delete_run(run_id)
            self._send(record)
            return
        self._send_points(run_id, record)
        if record.state != "running":
            self._end_child(run_id, record)

    def _knows(self, run_id: str) -> bool:
        """Whether the store has the run: a study can be resumed on another, and runs be deleted."""
        try:
            run = self._client.get_run(run_id)
        except mlflow.exceptions.MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        return str(run.info.lifecycle_stage) == "active"

    def _take_up(self, run_id: str, record: TrialRecord) -> bool:
        """See what an earlier driver sent; True if that was everything."""
        run = self._client.get_run(run_id)
        if record.state != "running" and run.data.tags.get("state") == record.state:
            return True
        history = sent_points(self._client, run_id)
        self._stored[record.id] = _Stored(
            run.info.start_time, len(history), history[-1] if history else None
        )
        self._client.update_run(run_id, status="RUNNING")
        self._client.set_tag(run_id, "state", "running")
        return False

    def _send_points(self, run_id: str, record: TrialRecord) -> None:
        stored = self._stored[record.id]
        new = record.curve[stored.n_points :]
        if not new:
            return
        metrics = []
        for number, point in enumerate(new, start=stored.n_points + 1):
            area, objective = record.so_far(number)
            # Training time as the time axis: what the trial spent, not when we heard of it.
            when = stored.start_ms + round(1000 * point.seconds)
            values = {
                "bleu": point.bleu,
                "loss": point.loss,
                "train_loss": point.train_loss,
                "aucc": area,
                "objective": objective,
                "tokens_per_s": point.tokens / point.seconds,
                "seconds": point.seconds,
                **record.dynamics.get(str(point.updates), {}),
            }
            metrics += [Metric(name, value, when, point.updates) for name, value in values.items()]
        self._client.log_batch(run_id, metrics=metrics)
        last = record.curve[-1]
        self._stored[record.id] = dataclasses.replace(
            stored, n_points=len(record.curve), last=(last.updates, last.bleu)
        )

    def _end_child(self, run_id: str, record: TrialRecord) -> None:
        tags = {"reason": record.reason or "", "host": record.host or ""}
        final = {
            "bleu_best": record.bleu_valid,
            "aucc_final": record.aucc,
            "objective_final": record.objective,
            **record.measures(),
        }
        now = _now_ms()
        self._client.log_batch(
            run_id,
            metrics=[
                Metric(name, value, now, 0) for name, value in final.items() if value is not None
            ],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )
        with tempfile.TemporaryDirectory() as folder:
            self._write_artifacts(Path(folder), record)
            self._client.log_artifacts(run_id, folder)
        self._client.set_terminated(run_id, STATUS[record.state])
        self._client.set_tag(run_id, "state", record.state)  # last: all of the run is sent

    def _write_artifacts(self, folder: Path, record: TrialRecord) -> None:
        model = record.config["model"]
        (folder / "layout.txt").write_text(
            f"encoder = {model['encoder']}\ndecoder = {model['decoder']}\n"
        )
        (folder / "config.json").write_text(json.dumps(dict(record.config), indent=2))
        write_curve_csv(record.curve, folder / "curve.csv")
        write_curve_png(record, folder / "curve.png")

    def _open_experiment(self, folder: StudyFolder) -> str:
        experiment = self._client.get_experiment_by_name(self._config.name)
        if experiment is not None:
            return str(experiment.experiment_id)
        local = self._uri.startswith("sqlite:")
        location = folder.mlflow_artifacts.resolve().as_uri() if local else None
        return str(self._client.create_experiment(self._config.name, artifact_location=location))

    def _open_parent(self, folder: StudyFolder) -> str:
        found = self._client.search_runs(
            [self.experiment_id], filter_string=f"tags.`{STUDY}` = '{folder.id()}'", max_results=1
        )
        if found:
            run_id = str(found[0].info.run_id)
            self._client.update_run(run_id, status="RUNNING")
            return run_id
        run = self._client.create_run(
            self.experiment_id,
            run_name=f"{self._purpose} {self._config.name}",
            tags={STUDY: folder.id(), "host": socket.gethostname(), "state": self._purpose},
        )
        self._client.log_batch(
            run.info.run_id,
            params=[
                *self._algorithm(),
                Param("scheduler", self._config.scheduler.name),
                Param("objective", self._config.objective.name),
                Param("clock", self._config.objective.clock),
                Param("parameters", self._config.objective.parameters),
                Param("seed", str(self._config.seed)),
            ],
        )
        self._client.log_artifact(run.info.run_id, str(folder.study_file))
        self._client.log_artifact(run.info.run_id, str(folder.resolved))
        return str(run.info.run_id)

    def _algorithm(self) -> list[Param]:
        """Who chose the trials; nobody did where they were given."""
        if self._purpose != "study":
            return []
        return [Param("algorithm", self._config.search.algorithm)]

    def _open_child(self, record: TrialRecord) -> str:
        found = self._client.search_runs(
            [self.experiment_id],
            filter_string=(
                f"tags.`mlflow.parentRunId` = '{self.parent_id}' "
                f"and tags.`{TRIAL_ID}` = '{record.id}'"
            ),
            max_results=1,
        )
        if found:
            return str(found[0].info.run_id)
        run = self._client.create_run(
            self.experiment_id,
            run_name=f"trial {record.id:03d} {record.canonical}",
            tags={
                "mlflow.parentRunId": self.parent_id,
                TRIAL_ID: str(record.id),
                "state": "running",
                "commit": self._commit,
                "layout": record.canonical,
            },
        )
        params = {
            "layout": record.layout,
            "canonical": record.canonical,
            "decoder": record.decoder,
            "depth": record.encoder.depth,
            "n_reservoirs": record.encoder.n_reservoirs,
            "n_weight_sets": len(set(record.encoder.owners)),
            "seed": record.config["seed"],
            "n_params_total": record.counts.total,
            "n_params_learned": record.counts.learned,
            "n_params_stored": record.counts.stored,
            "n_params_encoder": record.counts.encoder,
            **({} if record.proxy is None else {"proxy": record.proxy}),
            **record.hyper(),
        }
        self._client.log_batch(
            run.info.run_id, params=[Param(name, str(value)) for name, value in params.items()]
        )
        return str(run.info.run_id)


def _chosen_uri(config: StudyConfig) -> str | None:
    return environment_uri() or config.tracking.uri


def _sqlite(database: Path) -> str:
    return f"sqlite:///{database.resolve()}"


def _make_database(database: Path) -> None:
    """Make MLflow's tables, whole or not at all: half of its migrations cannot be repeated."""
    if database.exists():
        return
    building = database.with_name(f".{database.name}.tmp")
    building.unlink(missing_ok=True)
    MlflowClient(_sqlite(building)).search_experiments(max_results=1)
    building.rename(database)


@contextmanager
def _telling_the_uri(uri: str) -> Iterator[None]:
    try:
        yield
    except mlflow.exceptions.MlflowException as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"MLflow at {shown(uri)}: {reason}; start the server or mend the URI"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _now_ms() -> int:
    return round(time.time() * 1000)


def _commit() -> str:
    """The commit of the code that runs, or "unknown" outside a checkout."""
    told = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() if told.returncode == 0 else "unknown"
