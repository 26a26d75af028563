"""One run in MLflow for each trial of a study, kept up to date with the trial's record."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient

from search.study.ledger import Ledger
from search.study.score_name import signature_of
from search.study.trial_record import TrialRecord
from search.tracking.curve_files import write_curve_csv, write_curve_png
from search.tracking.origin import axes_of, git_commit, origin_tags
from search.tracking.runs import PARENT, TRIAL_ID, TRIAL_OF, StudyRuns, is_active, study_runs
from search.tracking.study_run import StudyRun
from trainable.users_folder import scratch_folder

STATUS = {"running": "RUNNING", "completed": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
REFERENCE = "reference"  # tag: role of a trial that was trained to compare with
TEACHER = "teacher_"  # beginning of the names of parameters
CONFIG, CURVE = "config.json", "curve.csv"  # files of an ended trial's run


@dataclass(frozen=True, slots=True)
class _Stored:
    """Points of a trial that MLflow has."""

    start_ms: int  # start of the run, Unix time
    n_points: int
    last: tuple[int, float] | None  # update and score of the last one

    def begins(self, record: TrialRecord) -> bool:
        """True if these points begin the trial's curve, or can still do so."""
        if self.last is None:
            return True
        if self.n_points > len(record.curve):
            return record.state == "running"  # it was resumed from an earlier checkpoint
        point = record.curve[self.n_points - 1]
        return (point.updates, point.score) == self.last


def sent_points(
    client: MlflowClient, run_id: str, metric: str = "score"
) -> list[tuple[int, float]]:
    """Update and score of the points that a trial's run has, in the order of the updates.

    MLflow has them in the order of their times, which a trial that is begun again may reach
    sooner than before.
    """
    history = sorted(client.get_metric_history(run_id, metric), key=lambda m: int(m.step))
    return [(m.step, m.value) for m in history]


def is_of_earlier_version(run: Run) -> bool:
    """True if the run has its scores as ``bleu`` alone; sending the trial again adds ``score``."""
    return "bleu" in run.data.metrics and "score" not in run.data.metrics


def params_of(record: TrialRecord) -> dict[str, str]:
    """MLflow's parameters of a trial's run."""
    params = {
        "layout": record.layout,
        "canonical": record.canonical,
        "decoder": record.decoder,
        "depth": record.encoder.depth,
        "n_reservoirs": record.encoder.n_reservoirs,
        "n_weight_sets": len(set(record.encoder.owners)),
        "seed": record.config.seed,
        "n_params_total": record.counts.total,
        "n_params_learned": record.counts.learned,
        "n_params_stored": record.counts.stored,
        "n_params_encoder": record.counts.encoder,
        **({} if record.proxy is None else {"proxy": record.proxy}),
        **teacher_params(record),
        **record.hyper(),
    }
    return {name: str(value) for name, value in params.items()}


def teacher_params(record: TrialRecord) -> dict[str, float]:
    """Cost of a trial's teacher as parameters; none before the trial's first validation."""
    cost = {} if record.teacher is None else dataclasses.asdict(record.teacher)
    return {f"{TEACHER}{name}": value for name, value in cost.items()}


class TrialRuns:
    """Trials' runs, the children of a study's run.

    Everything sent is a function of the trial's record, so sending it twice does no harm, and
    runs that are gone are made again.
    """

    def __init__(self, study_run: StudyRun, ledger: Ledger) -> None:
        self._client = study_run.client
        self._study_run = study_run
        self._ledger = ledger
        self._stored: dict[int, _Stored] = {}
        self._is_settled = False

    def settle(self) -> None:
        """Gather the runs below the study's run, one for each trial.

        The study's experiment and run are restored if they were deleted, its runs are put
        below its present one, and of several runs of a trial one stays.

        Raises:
            MlflowException: the store failed; call it again later.
        """
        self._study_run.restore()
        runs = self._runs()
        for run in runs.children:
            for tag, value in self._belonging().items():
                if run.data.tags.get(tag) != value:
                    self._client.set_tag(run.info.run_id, tag, value)
        for id_, found in runs.of_trials.items():
            noted = self._ledger[id_].mlflow_run_id
            kept = next((run for run in found if run.info.run_id == noted), found[0])
            self._delete(run for run in found if run is not kept)
        self._delete(run for run in runs.parents if run.info.run_id != self._study_run.id)
        self._is_settled = True

    def complete(self) -> None:
        """Settle, then make the missing runs from the trials' records.

        Raises:
            MlflowException: the store failed; call it again later.
        """
        self.settle()
        present = self._runs().of_trials
        for record in self._ledger.records:
            if record.id not in present:
                self._stored.pop(record.id, None)
                self.send(record)

    def doubt(self, id_: int) -> None:
        """Read from the store again what it has of a trial, before more of it is sent."""
        self._stored.pop(id_, None)
        self._is_settled = False

    def send(self, record: TrialRecord) -> None:
        """Update the trial's run to ``record``, or create the run if there is none.

        Raises:
            MlflowException: the store failed; call it again later.
        """
        if not self._is_settled:
            self.settle()
        if record.id not in self._stored and self._take_up(record):
            return
        run_id = str(self._ledger[record.id].mlflow_run_id)
        if not self._stored[record.id].begins(record):
            # The trial was resumed from a checkpoint before its last sent point, and the new
            # point differs. MLflow cannot delete points, so a new run replaces this one.
            del self._stored[record.id]
            self._client.delete_run(run_id)
            self.send(record)
            return
        self._send_points(run_id, record)
        if record.state != "running":
            self._end(run_id, record)

    def interrupt(self, run_id: str) -> None:
        """Mark a trial's run as interrupted: a later driver resumes it."""
        self._client.set_tag(run_id, "state", "interrupted")
        self._client.set_terminated(run_id, "KILLED")

    def _take_up(self, record: TrialRecord) -> bool:
        """Read what an earlier driver sent; True if nothing is missing."""
        run = self._known_run(record)
        if run is None:
            run = self._open(record)
            self._ledger.note_run(record.id, str(run.info.run_id))
        is_ended = record.state != "running" and run.data.tags.get("state") == record.state
        if is_ended and not is_of_earlier_version(run):
            return True
        history = sent_points(self._client, run.info.run_id)
        self._stored[record.id] = _Stored(
            run.info.start_time, len(history), history[-1] if history else None
        )
        self._client.update_run(run.info.run_id, status="RUNNING")
        self._client.set_tag(run.info.run_id, "state", "running")
        return False

    def _known_run(self, record: TrialRecord) -> Run | None:
        """The run that the ledger names; None if it was deleted or isn't of this study here."""
        run_id = self._ledger[record.id].mlflow_run_id
        if run_id is None:
            return None
        try:
            run = self._client.get_run(run_id)
        except mlflow.exceptions.MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        is_ours = run.data.tags.get(TRIAL_OF) == self._belonging()[TRIAL_OF]
        return run if is_ours and is_active(run) else None

    def _belonging(self) -> dict[str, str]:
        """Tags by which a trial's run belongs to the study."""
        return {PARENT: self._study_run.id, TRIAL_OF: self._study_run.folder.id()}

    def _runs(self) -> StudyRuns:
        return study_runs(self._client, self._study_run.folder, self._ledger.records)

    def _delete(self, runs: Iterable[Run]) -> None:
        for run in runs:
            self._client.delete_run(run.info.run_id)

    def _send_points(self, run_id: str, record: TrialRecord) -> None:
        stored = self._stored[record.id]
        new = record.curve[stored.n_points :]
        if not new:
            return
        metrics = []
        for number, point in enumerate(new, start=stored.n_points + 1):
            area, objective = record.so_far(number)
            # MLflow's time axis shows training time, not the time at which the point arrived.
            time_ms = stored.start_ms + round(1000 * point.seconds)
            values = {
                "score": point.score,
                "loss": point.loss,
                "train_loss": point.train_loss,
                "aucc": area,
                "objective": objective,
                "tokens_per_s": point.tokens / point.seconds,
                "seconds": point.seconds,
                **record.dynamics.get(str(point.updates), {}),
            }
            metrics += [
                Metric(name, value, time_ms, point.updates) for name, value in values.items()
            ]
        self._client.log_batch(run_id, metrics=metrics)
        last = record.curve[-1]
        self._stored[record.id] = dataclasses.replace(
            stored, n_points=len(record.curve), last=(last.updates, last.score)
        )

    def _end(self, run_id: str, record: TrialRecord) -> None:
        tags = {
            "reason": record.reason or "",
            "host": record.host or "",
            "metric": record.metric,
            "signature": signature_of(self._study_run.folder, record.metric),
        }
        final = {
            "score_best": record.best_score,
            "aucc_final": record.aucc,
            "objective_final": record.objective,
            **record.measures(),
        }
        now_ms = round(1000 * time.time())
        self._client.log_batch(
            run_id,
            metrics=[
                Metric(name, value, now_ms, 0) for name, value in final.items() if value is not None
            ],
            tags=[RunTag(name, value) for name, value in tags.items()],
            params=[Param(name, str(value)) for name, value in teacher_params(record).items()],
        )
        with scratch_folder() as folder:
            self._write_artifacts(folder, record)
            self._client.log_artifacts(run_id, str(folder))
        self._client.set_terminated(run_id, STATUS[record.state])
        # The last thing sent: a run with the state of its ended trial lacks nothing.
        self._client.set_tag(run_id, "state", record.state)

    def _write_artifacts(self, folder: Path, record: TrialRecord) -> None:
        (folder / "layout.txt").write_text(
            f"encoder = {record.encoder}\ndecoder = {record.decoder}\n"
        )
        config = record.config.model_dump(mode="json")
        (folder / CONFIG).write_text(json.dumps(config, indent=2))
        write_curve_csv(record.curve, folder / CURVE)
        write_curve_png(record, folder / "curve.png")

    def _open(self, record: TrialRecord) -> Run:
        """The trial's run, found by its tags or created, with its parameters."""
        found = self._client.search_runs(
            [self._study_run.experiment_id],
            filter_string=(
                f"tags.`{PARENT}` = '{self._study_run.id}' and tags.`{TRIAL_ID}` = '{record.id}'"
            ),
            max_results=1,
        )
        # An earlier attempt may have failed between creating the run and sending its parameters.
        run = found[0] if found else self._create(record)
        params = params_of(record) | axes_of(record, self._study_run.config.space)
        self._client.log_batch(
            run.info.run_id, params=[Param(name, value) for name, value in params.items()]
        )
        if data := self._study_run.dataset:
            self._client.log_inputs(run.info.run_id, datasets=[data])
        return run

    def _create(self, record: TrialRecord) -> Run:
        return self._client.create_run(
            self._study_run.experiment_id,
            run_name=f"trial {record.id:03d} {record.canonical}",
            tags={
                **self._belonging(),
                TRIAL_ID: str(record.id),
                **origin_tags(),
                "state": "running",
                "commit": git_commit(),
                "layout": str(record.layout),
                "canonical": record.canonical,
                "metric": record.metric,
                **({} if record.reference is None else {REFERENCE: record.reference}),
            },
        )
