"""Rules for MLflow's address: passwords come from the environment alone, and are not shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from spaces.errors import UserError

_ENVIRONMENT = "MLFLOW_TRACKING_URI"
# Variables that hold nothing but a secret.
_SECRET_VARIABLES = (
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "PGPASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "RAY_AUTH_TOKEN",
)
HIDDEN = "***"
_MIN_LENGTH = 4  # shorter ones stand in half of all words
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
    if parts.fragment:
        faults.append("tracking.uri has a '#'; leave it out")
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
        UserError: the value is no URI, or that of a server has options.
    """
    uri = os.environ.get(_ENVIRONMENT)
    if not uri:
        return None
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise UserError(f"{_ENVIRONMENT} is no URI; write it as http://HOST:PORT") from error
    if parts.scheme in ("http", "https") and (parts.query or parts.fragment):
        raise UserError(f"{_ENVIRONMENT} has options behind its path; leave them out, {_REMEDY}")
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
    """``uri`` for messages: its scheme, host and port alone; a local file's unchanged."""
    if uri.startswith("sqlite:"):
        return uri.partition("?")[0]
    scheme, mark, address = uri.partition("://")
    if not mark:
        return HIDDEN
    authority, rest = _split(address)
    # A password may hold a '/': then nothing tells where the host begins.
    return f"{scheme}{mark}{HIDDEN if '@' in rest else authority.rpartition('@')[2]}"


def without_secrets(text: str, uri: str | None = None) -> str:
    """``text`` with ``***`` for the secrets of the environment and for parts of an address.

    Args:
        text: a message, of a library say, which repeats the address that it was given.
        uri: the address, whose account, path and options are hidden; that of the environment
            if absent.
    """
    address = os.environ.get(_ENVIRONMENT, "") if uri is None else uri
    found = {os.environ.get(name, "") for name in _SECRET_VARIABLES} | set(_secret_parts(address))
    for secret in sorted(found, key=len, reverse=True):
        if len(secret) < _MIN_LENGTH:
            continue
        if secret.startswith("/"):  # of a path whole parts, not the beginning of a file's name
            text = re.sub(rf"{re.escape(secret)}(?![\w-]|\.\w)", f"/{HIDDEN}", text)
        else:
            text = text.replace(secret, HIDDEN)
    return text


def _secret_parts(uri: str) -> Iterator[str]:
    """What may be secret in an address, as it is written and as it is meant."""
    scheme, mark, address = uri.partition("://")
    if not mark or scheme == "sqlite":
        return
    authority, rest = _split(address)
    account, _, _ = authority.rpartition("@")
    path, *others = re.split("[?#;]", rest)
    found = [account, *account.split(":", 1), path.rstrip("/"), *others]
    found += [f"/{name}" for name in path.split("/") if name]
    found += [value for other in others for _, value in parse_qsl(other)]
    if "@" in rest:
        found += re.split("[:/@?#&=;]", address)
    for part in found:
        yield part
        yield unquote(part)


def _split(address: str) -> tuple[str, str]:
    """An address without its scheme, before and from its path or options."""
    authority = re.split("[/?#;]", address, maxsplit=1)[0]
    return authority, address[len(authority) :]
