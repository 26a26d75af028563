"""Check of MLflow: each trial has exactly one run, with its state and all its points."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from search.doctor.finding import Finding, Notes
from search.doctor.rules import SEARCH, Rules
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.tracking_uri import redacted
from search.study.trial_record import TrialRecord
from search.tracking.faults import STORE_ERRORS, reason
from search.tracking.runs import PARENT, StudyRuns, study_runs
from search.tracking.store import fault_of_database, is_own, tracking_uri
from search.tracking.trial_runs import STATUS, is_of_earlier_version, sent_points

SUBJECT = "MLflow"
_NO_RUNS = "MLflow has no runs yet"
_UNDER_WAY = ("running", "interrupted")  # states of a run whose end is not in MLflow yet


def check_runs(
    config: StudyConfig,
    folder: StudyFolder,
    records: Sequence[TrialRecord],
    rules: Rules = SEARCH,
) -> Finding:
    """Compare the study's runs in MLflow, with their curves, with the records.

    A store that cannot be read is a fault; nothing is raised. A guest without any run is as a
    study without a store.
    """
    notes = Notes.empty()
    uri = tracking_uri(config, folder)
    if is_own(uri, folder) and not folder.mlflow_database.exists():
        notes.waiting += [_NO_RUNS] if records else []
        return notes.finding(SUBJECT, "no store")
    if is_own(uri, folder) and (fault := fault_of_database(folder.mlflow_database)) is not None:
        notes.faults.append(f"mlflow.db is damaged: {fault}")
        return notes.finding(SUBJECT, "mlflow.db")
    try:
        client = MlflowClient(uri)
        runs = study_runs(client, folder, records)
        if rules.is_guest and records and not (runs.parents or runs.children):
            notes.waiting.append(_NO_RUNS)
            return notes.finding(SUBJECT, "0 runs")
        _check_parents(runs, notes)
        for run in runs.strays:
            notes.faults.append(f"run {run.info.run_id} belongs to no trial")
        for record in records:
            _check_trial(client, record, runs.of_trials.get(record.id, []), notes)
    except STORE_ERRORS as error:
        notes.faults.append(f"{redacted(uri)} cannot be read: {reason(error, uri)}")
        return notes.finding(SUBJECT, redacted(uri))
    return notes.finding(SUBJECT, f"{sum(map(len, runs.of_trials.values()))} runs")


def contradiction(client: MlflowClient, record: TrialRecord, run: Run) -> str | None:
    """Difference between a trial and its run that sending missing points cannot repair.

    Returns:
        The difference in words that follow "the run has"; None if there is none.

    Raises:
        MlflowException: MLflow cannot be read.
    """
    if is_of_earlier_version(run):
        return None
    sent = sent_points(client, run.info.run_id)
    curve = [(point.updates, point.score) for point in record.curve]
    n_common = min(len(sent), len(curve))
    if sent[:n_common] != curve[:n_common]:
        return "other points than its curve"
    state = run.data.tags.get("state")
    if record.state == "running" or state in _UNDER_WAY:
        return None
    if state != record.state:
        return f"state {state}, but the trial is {record.state}"
    if run.info.status != STATUS[record.state]:
        return f"status {run.info.status}, but the trial is {record.state}"
    if len(sent) > len(curve):
        return "other points than its curve"
    if len(sent) < len(curve):
        return f"{len(sent)} points of {len(curve)}"
    return None


def _check_trial(
    client: MlflowClient, record: TrialRecord, runs: Sequence[Run], notes: Notes
) -> None:
    if not runs:
        if record.mlflow_run_id is None:
            notes.waiting.append(f"trial {record.id} is not in MLflow yet")
        else:
            notes.faults.append(f"the run of trial {record.id} is gone")
    elif len(runs) > 1:
        notes.faults.append(f"trial {record.id} has {len(runs)} runs")
    elif record.mlflow_run_id not in (None, runs[0].info.run_id):
        notes.faults.append(f"trial {record.id} has another run than the one in trials.jsonl")
    elif is_of_earlier_version(runs[0]):
        notes.waiting.append(f"trial {record.id} has an earlier version's metric names")
    elif (difference := contradiction(client, record, runs[0])) is not None:
        notes.faults.append(f"the run of trial {record.id} has {difference}")
    elif record.state != "running" and runs[0].data.tags.get("state") in _UNDER_WAY:
        notes.waiting.append(f"the end of trial {record.id} is not in MLflow yet")


def _check_parents(runs: StudyRuns, notes: Notes) -> None:
    parent_ids = {run.info.run_id for run in runs.parents}
    if any(run.data.tags.get(PARENT) not in parent_ids for run in runs.children):
        notes.faults.append("runs of trials are not below the study's run")
    if len(runs.parents) > 1:
        notes.faults.append(f"the study has {len(runs.parents)} parent runs")
    elif runs.parents and runs.parents[0].info.status == "RUNNING":
        notes.waiting.append("the study's parent run has not ended")
