"""Where MLflow records a study, and opening that store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow.tracking import MlflowClient

from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.tracking_uri import environment_uri, shown
from spaces.errors import UserError
from trainable.atomic import atomic_file


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
        with telling_the_uri(uri):
            MlflowClient(uri).search_experiments(max_results=1)


def open_store(uri: str, folder: StudyFolder) -> MlflowClient:
    """A client of the study's store; a database of the study's own is made where there is none."""
    if uri == _sqlite(folder.mlflow_database):
        _make_database(folder.mlflow_database)
    return MlflowClient(uri)


def _chosen_uri(config: StudyConfig) -> str | None:
    return environment_uri() or config.tracking.uri


def _sqlite(database: Path) -> str:
    return f"sqlite:///{database.resolve()}"


def _make_database(database: Path) -> None:
    """Make MLflow's tables, whole or not at all: half of its migrations cannot be repeated."""
    if not database.exists():
        with atomic_file(database) as building:
            MlflowClient(_sqlite(building)).search_experiments(max_results=1)


@contextmanager
def telling_the_uri(uri: str) -> Iterator[None]:
    """What MLflow fails of inside is the user's to mend.

    Raises:
        UserError: names the store, and what it said.
    """
    try:
        yield
    except mlflow.exceptions.MlflowException as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"MLflow at {shown(uri)}: {reason}; start the server or mend the URI"
        ) from error
