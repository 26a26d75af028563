"""Rules for MLflow's address: passwords come from the environment alone."""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from spaces.errors import UserError

_ENVIRONMENT = "MLFLOW_TRACKING_URI"
# Options that a database's address may have behind a '?'.
_OPTIONS = {"sslmode", "sslrootcert", "timeout"}
# Variables that receive the user and the password of the environment's URI.
_ACCOUNTS = {
    "http": ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"),
    "https": ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"),
    "postgresql": ("PGUSER", "PGPASSWORD"),
}
_REMEDY = (
    "the environment has them: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD of a server, "
    "PGUSER and PGPASSWORD of PostgreSQL"
)


def tracking_faults(uri: str | None) -> list[str]:
    """Faults of ``tracking.uri``; none repeats the value, which may hold a secret."""
    if uri is None:
        return []
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ["tracking.uri is no URI; write it as http://HOST:PORT"]
    faults = []
    if "@" in uri and parts.scheme != "sqlite":
        faults.append(f"tracking.uri names a user or a password; leave it out, {_REMEDY}")
    unknown = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - _OPTIONS
    if unknown:
        faults.append(
            f"tracking.uri has options; it may have {', '.join(sorted(_OPTIONS))}; of "
            f"user and password, {_REMEDY}"
        )
    return faults


def environment_uri() -> str | None:
    """Value of ``MLFLOW_TRACKING_URI``, whose user and password move to other variables.

    MLflow and its libraries write the URI into messages, so it must hold no secret. The
    change stays in ``os.environ``.

    Raises:
        UserError: the value is no URI.
    """
    uri = os.environ.get(_ENVIRONMENT)
    if not uri:
        return None
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise UserError(f"{_ENVIRONMENT} is no URI; write it as http://HOST:PORT") from error
    account, at, host = parts.netloc.rpartition("@")
    names = _ACCOUNTS.get(parts.scheme.partition("+")[0])
    if not at or names is None:
        return uri
    user, _, password = account.partition(":")
    for name, value in zip(names, (user, password), strict=True):
        if value:
            os.environ[name] = unquote(value)
    os.environ[_ENVIRONMENT] = urlunsplit(parts._replace(netloc=host))
    return os.environ[_ENVIRONMENT]


def redacted(uri: str) -> str:
    """``uri`` for messages, without user, password and options."""
    if uri.startswith("sqlite:"):
        return uri
    scheme, mark, address = uri.partition("?")[0].rpartition("://")
    return f"{scheme}{mark}{address.rpartition('@')[2]}"
