"""MLflow's experiment of a study, found by the study's id."""

from __future__ import annotations

import logging

from mlflow.entities import Experiment, LifecycleStage, ViewType
from mlflow.tracking import MlflowClient

from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.tracking.store import is_own
from trainable.private.mlflow import move_artifacts

logger = logging.getLogger(__name__)

_NOTE = "mlflow.note.content"  # description that MLflow shows, of an experiment too
STUDY = "reservoir_search.study"  # tag of an experiment, and of a study's parent run


def study_ids(client: MlflowClient, folder: StudyFolder) -> tuple[str, ...]:
    """Ids that the study has in the store, its present one first.

    A copied folder brings along the original's store, in which the study has its former id.
    """
    is_copied = is_own(client.tracking_uri, folder)
    return (folder.id(), *(folder.former_ids() if is_copied else ()))


def find_experiment(client: MlflowClient, folder: StudyFolder) -> Experiment | None:
    """The study's experiment, which may be a deleted one; None if the store has none.

    Raises:
        MlflowException: MLflow cannot be read.
    """
    home = folder.home  # a study and its confirmation share an experiment
    for id_ in study_ids(client, home):
        found = client.search_experiments(
            view_type=ViewType.ALL, filter_string=f"tags.`{STUDY}` = '{id_}'", max_results=1
        )
        if found:
            return found[0]
    experiment = client.get_experiment_by_name(home.config().name)
    return experiment if experiment and _is_adoptable(client, experiment, home) else None


def open_experiment(client: MlflowClient, folder: StudyFolder) -> Experiment:
    """The study's experiment: restored if it was deleted, made if there is none.

    Its artifacts follow the study's folder.

    Raises:
        MlflowException: MLflow cannot be reached.
    """
    experiment = find_experiment(client, folder)
    if experiment is None:
        return _make_experiment(client, folder)
    id_ = str(experiment.experiment_id)
    if experiment.lifecycle_stage == LifecycleStage.DELETED:
        client.restore_experiment(id_)
        logger.warning("MLflow: experiment '%s' was deleted; it is restored", experiment.name)
    if _is_ours(client, experiment, folder) and experiment.tags.get(STUDY) != folder.home.id():
        client.set_experiment_tag(id_, STUDY, folder.home.id())
    follow_folder(client, experiment, folder)
    return experiment


def follow_folder(client: MlflowClient, experiment: Experiment, folder: StudyFolder) -> None:
    """Correct the addresses of the artifacts after the study's folder was moved or copied."""
    before, now = str(experiment.artifact_location), _artifacts(folder)
    is_in_a_study = before.endswith(f"/{folder.mlflow_artifacts.name}")
    has_moved = _is_sqlite(client) and is_in_a_study and before != now
    if has_moved and _is_ours(client, experiment, folder):
        id_ = str(experiment.experiment_id)
        move_artifacts(client.tracking_uri, id_, before=before, now=now)


def _is_adoptable(client: MlflowClient, experiment: Experiment, folder: StudyFolder) -> bool:
    """True if the experiment of the study's name is of an earlier version, or nobody's yet."""
    experiments = [str(experiment.experiment_id)]
    for id_ in study_ids(client, folder):
        if client.search_runs(
            experiments, f"tags.`{STUDY}` = '{id_}'", run_view_type=ViewType.ALL, max_results=1
        ):
            return True
    if STUDY in experiment.tags or experiment.lifecycle_stage == LifecycleStage.DELETED:
        return False
    return not client.search_runs(experiments, run_view_type=ViewType.ALL, max_results=1)


def _make_experiment(client: MlflowClient, folder: StudyFolder) -> Experiment:
    name, id_ = folder.config().name, folder.home.id()
    if client.get_experiment_by_name(name) is not None:  # another study's, or somebody else's
        name = f"{name}-{id_[:8]}"
    location = _artifacts(folder) if _is_sqlite(client) else None
    tags = {STUDY: id_, _NOTE: _description(folder.config())}
    made = client.create_experiment(name, artifact_location=location, tags=tags)
    return client.get_experiment(made)


def _description(config: StudyConfig) -> str:
    """What the study searches, for the head of the experiment's page; in Markdown."""
    objective = config.objective
    return (
        f"Search of the layer layouts of a reservoir Transformer: study **{config.name}**, "
        f"{config.search.n_trials} trials by {config.search.algorithm} and "
        f"{config.scheduler.name}; objective `{objective.name}` over {objective.clock}, "
        f"{objective.parameters} parameters. Each trial's run lies below the study's own."
    )


def _is_ours(client: MlflowClient, experiment: Experiment, folder: StudyFolder) -> bool:
    """False if earlier versions made it for another study of the same name."""
    owner = experiment.tags.get(STUDY)
    return owner is None or owner in study_ids(client, folder.home)


def _artifacts(folder: StudyFolder) -> str:
    return folder.mlflow_artifacts.resolve().as_uri()


def _is_sqlite(client: MlflowClient) -> bool:
    return bool(client.tracking_uri.startswith("sqlite:"))
