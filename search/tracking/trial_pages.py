"""MLflow's pages of a study's trials: a table, and parallel coordinates."""

from __future__ import annotations

import os
from dataclasses import dataclass

from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from search.study.folder import StudyFolder
from search.tracking.experiment import find_experiment, follow_folder
from search.tracking.runs import PARENT, is_active, parent_runs
from search.tracking.store import mlflow_errors_as_user_errors, store_address
from spaces.errors import UserError
from trainable.private.mlflow import runs_page, view_tag

VIEW = "trials"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPages:
    """URLs of two pages, which show the hundred best trials first."""

    table: str
    charts: str


def trial_pages(folder: StudyFolder, uri: str, base: str) -> TrialPages:
    """Pages of the trials, on the server ``base`` of the store at ``uri``.

    They open by a view in the experiment's tags: MLflow's own hides child runs until their
    parent is unfolded, and draws whatever parameters come first. In a store that can't be
    written they open without it.

    Raises:
        UserError: the store has no experiment of the study, or cannot be read.
    """
    with mlflow_errors_as_user_errors(uri):
        client = MlflowClient(uri)
        experiment = find_experiment(client, folder)
        if experiment is None:
            raise UserError(_absent(folder, uri))
        if is_writable(folder):
            follow_folder(client, experiment, folder)
        view = _view(client, experiment, folder)
    id_ = str(experiment.experiment_id)
    return TrialPages(
        table=runs_page(base, id_, view=view),
        charts=runs_page(base, id_, view=view, charts=True),
    )


def is_writable(folder: StudyFolder) -> bool:
    """True if this user can write into the study's folder."""
    return os.access(folder.path, os.W_OK)


def _view(client: MlflowClient, experiment: Experiment, folder: StudyFolder) -> str | None:
    """Key of the view in the experiment's tags, where it is put; None if it can't be."""
    id_ = str(experiment.experiment_id)
    parents = [run for run in parent_runs(client, id_, folder) if is_active(run)]
    if not parents:
        return None
    size = f"params.`n_params_{folder.config().objective.parameters}`"
    figures = ("metrics.`aucc_final`", "metrics.`score_best`", "metrics.`objective_final`")
    key, value = view_tag(
        VIEW,
        runs=f"tags.`{PARENT}` = '{parents[0].info.run_id}'",
        order="objective_final",
        columns=["tags.`layout`", "tags.`state`", *reversed(figures), size, "params.`depth`"],
        axes=["params.`depth`", size, *figures],
    )
    if experiment.tags.get(key) == value:
        return VIEW
    try:
        client.set_experiment_tag(id_, key, value)
    except MlflowException:
        return None
    return VIEW


def _absent(folder: StudyFolder, uri: str) -> str:
    at, before = store_address(uri, folder), folder.tracked_at()
    remedy = (
        f"run it first, or: reservoir-search resume {folder.argument}"
        if before in (None, at)
        else f"it was recorded at {before}: give MLFLOW_TRACKING_URI as then"
    )
    return f"MLflow at {at} has no experiment of the study {folder.path}; {remedy}"
