"""Faults of an MLflow store, each in one line with its remedy."""

from __future__ import annotations

import re

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from search.study.tracking_uri import without_secrets

# What a call of MLflow raises when its store cannot be used; the last two only at the first call.
STORE_ERRORS = (MlflowException, SQLAlchemyError, ImportError)

# What requests raises: the connection pool, the address, the cause, which may begin with the host.
_CAUSE = re.compile(r"Caused by \w+\((['\"])(HTTPS?Connection\w*\(.*?\): )?(?P<why>.*)\1\)")
_LETTERS = 300  # of MLflow's own messages, which may hold a whole page of HTML
_ACCOUNT = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to an account that may write"


def reason_and_remedy(error: Exception, uri: str) -> tuple[str, str]:
    """Fault of the store at ``uri`` in one line without secrets, and what its user can do."""
    if isinstance(error, ImportError):
        driver = error.name or str(error)
        return f"the database's driver {driver} is not installed", _driver_remedy(driver)
    code = getattr(error, "error_code", None)
    text = " ".join(without_secrets(str(error), uri).split())
    if code == "UNAUTHENTICATED" or "error code 401" in text:
        return "the server asks for another account (401)", _ACCOUNT
    if code == "PERMISSION_DENIED" or "error code 403" in text:
        return "the server does not let this account do that (403)", _ACCOUNT
    return _shortened(text), "start the server or correct the URI"


def reason(error: Exception, uri: str) -> str:
    """Fault of the store at ``uri`` in one line, without secrets."""
    return reason_and_remedy(error, uri)[0]


def _driver_remedy(driver: str) -> str:
    if driver == "psycopg":  # SQLAlchemy's choice for postgresql://
        return "write postgresql+psycopg2://… and install psycopg2-binary"
    return f"install {driver}, or record in SQLite or on a server"


def _shortened(text: str) -> str:
    """The message without what repeats the address, or is a page that some server gave."""
    cause = _CAUSE.search(text)
    return (cause["why"] if cause else text.partition(". Response body")[0])[:_LETTERS]
