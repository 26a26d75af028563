"""The runs of a study in MLflow, found by the study's id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from mlflow.entities import LifecycleStage, Run, ViewType
from mlflow.tracking import MlflowClient

from search.study.folder import StudyFolder
from search.study.trial_record import TrialRecord
from search.tracking.experiment import STUDY, find_experiment, study_ids

PARENT = "mlflow.parentRunId"
TRIAL_ID = "reservoir_search.trial_id"
TRIAL_OF = "reservoir_search.trial_of"  # a trial's tag with its study's id


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRuns:
    """Runs of a study in MLflow, without deleted ones."""

    parents: tuple[Run, ...]  # the study's own runs, first the one that a driver uses
    of_trials: dict[int, list[Run]]  # by trial id, the latest first
    strays: tuple[Run, ...]  # children without a trial

    @property
    def children(self) -> list[Run]:
        return [*self.strays, *(run for runs in self.of_trials.values() for run in runs)]


def parent_runs(client: MlflowClient, experiment_id: str, folder: StudyFolder) -> list[Run]:
    """The study's own runs, also deleted ones: first the active ones, the latest before others.

    Raises:
        MlflowException: MLflow cannot be read.
    """
    found = [
        run
        for id_ in study_ids(client, folder)
        for run in client.search_runs(
            [experiment_id], f"tags.`{STUDY}` = '{id_}'", run_view_type=ViewType.ALL
        )
    ]
    return sorted(found, key=lambda run: not is_active(run))


def study_runs(
    client: MlflowClient, folder: StudyFolder, records: Sequence[TrialRecord]
) -> StudyRuns:
    """Active runs of the study in MLflow; none where MLflow has no experiment of it.

    A trial's run names its study. Runs of earlier versions don't: theirs are those below the
    study's run, and those that the records name.

    Raises:
        MlflowException: MLflow cannot be read.
    """
    experiment = find_experiment(client, folder)
    if experiment is None:
        return StudyRuns(parents=(), of_trials={}, strays=())
    experiment_id = str(experiment.experiment_id)
    parents = parent_runs(client, experiment_id, folder)
    parent_ids = {run.info.run_id for run in parents}
    noted = {record.mlflow_run_id for record in records}
    ids = {str(record.id): record.id for record in records}
    studies = study_ids(client, folder)
    of_trials: dict[int, list[Run]] = defaultdict(list)
    strays = []
    for run in _all_runs(client, experiment_id):
        tags, run_id = run.data.tags, run.info.run_id
        is_below = tags.get(PARENT) in parent_ids or (run_id in noted and PARENT in tags)
        if not (tags[TRIAL_OF] in studies if TRIAL_OF in tags else is_below):
            continue
        id_ = ids.get(tags.get(TRIAL_ID, ""))
        if id_ is None:
            strays.append(run)
        else:
            of_trials[id_].append(run)
    active = tuple(run for run in parents if is_active(run))
    return StudyRuns(parents=active, of_trials=of_trials, strays=tuple(strays))


def runs_by_trial(runs: StudyRuns) -> dict[int, list[Run]]:
    """Runs by the trial id that they name, whether or not there is such a trial."""
    by_trial = {id_: list(found) for id_, found in runs.of_trials.items()}
    for run in runs.strays:
        id_ = run.data.tags.get(TRIAL_ID, "")
        if id_.isdecimal():
            by_trial.setdefault(int(id_), []).append(run)
    return by_trial


def is_active(run: Run) -> bool:
    """True if the run is not deleted."""
    return bool(run.info.lifecycle_stage == LifecycleStage.ACTIVE)


def _all_runs(client: MlflowClient, experiment_id: str) -> list[Run]:
    runs: list[Run] = []
    token = None
    while True:
        page = client.search_runs([experiment_id], max_results=1000, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs
