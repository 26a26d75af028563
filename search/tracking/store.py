"""The MLflow store of a study: its tracking URI, and a client of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mlflow.tracking import MlflowClient

from search.study.config import StudyConfig
from search.study.folder import StudyFolder, mend_command
from search.study.tracking_uri import environment_uri, redacted
from search.tracking.faults import STORE_ERRORS, reason_and_remedy
from spaces.errors import UserError
from trainable.atomic import atomic_file


def tracking_uri(config: StudyConfig, folder: StudyFolder) -> str:
    """Tracking URI: ``MLFLOW_TRACKING_URI``, the study's setting, or SQLite in its folder."""
    return _chosen_uri(config) or _sqlite(folder.mlflow_database)


def check_store(config: StudyConfig) -> None:
    """Check that a store set by the user can be reached; SQLite in the study's folder always can.

    Raises:
        UserError: there is no MLflow store at the tracking URI.
    """
    uri = _chosen_uri(config)
    if uri is not None:
        with mlflow_errors_as_user_errors(uri):
            MlflowClient(uri).search_experiments(max_results=1)


def open_store(uri: str, folder: StudyFolder) -> MlflowClient:
    """Client of the store at ``uri``; the study's own database is made if there is none.

    Raises:
        UserError: the study's own database is damaged.
    """
    database = folder.mlflow_database
    if is_own(uri, folder):
        if (fault := fault_of_database(database)) is not None:
            raise UserError(
                f"{database}: is damaged ({fault}); make it again from trials.jsonl with: "
                f"{mend_command(database.parent)}"
            )
        _make_database(database)
    return MlflowClient(uri)


def fault_of_database(database: Path) -> str | None:
    """Reason why an SQLite file cannot be read; None if it can, or if there is none."""
    if not database.exists():
        return None
    try:
        with closing(sqlite3.connect(database)) as connection:
            (found,) = connection.execute("pragma quick_check(1)").fetchone()
    except sqlite3.OperationalError:  # locked by a user interface, for instance
        return None
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if found == "ok" else " ".join(str(found).split())


def is_own(uri: str, folder: StudyFolder) -> bool:
    """True if the store is the one in the study's folder."""
    return uri == _sqlite(folder.mlflow_database)


def store_address(uri: str, folder: StudyFolder) -> str:
    """Address of the store for messages and records: without secrets, and the same after a move."""
    return folder.mlflow_database.name if is_own(uri, folder) else redacted(uri)


def _chosen_uri(config: StudyConfig) -> str | None:
    return environment_uri() or config.tracking.uri


def _sqlite(database: Path) -> str:
    return f"sqlite:///{database.resolve()}"


def _make_database(database: Path) -> None:
    """Make MLflow's tables, all or none: its migrations cannot be resumed half-way."""
    if not database.exists():
        with atomic_file(database) as building:
            MlflowClient(_sqlite(building)).search_experiments(max_results=1)


@contextmanager
def mlflow_errors_as_user_errors(uri: str) -> Iterator[None]:
    """Turn an exception of MLflow's into a UserError with the store's URI.

    Raises:
        UserError: MLflow raised an exception.
    """
    try:
        yield
    except STORE_ERRORS as error:
        reason, remedy = reason_and_remedy(error, uri)
        raise UserError(f"MLflow at {redacted(uri)}: {reason}; {remedy}") from error
