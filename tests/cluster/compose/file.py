"""A compose file as the services that it describes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::-([^}]*))?\})")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "k": 2.0**10, "mb": 2.0**20, "gb": 2.0**30}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """Something that a container sees at ``target``; an empty file system without a source."""

    target: str
    source: Path | None = None
    is_read_only: bool = False
    options: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """Command that succeeds when a service is healthy, and the time that this may take."""

    command: list[str]
    interval_s: float
    timeout_s: float
    patience_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of a compose file: its command, user, files and networks."""

    name: str
    is_postgres: bool
    entrypoint: list[str]
    command: list[str]
    environment: dict[str, str]
    user: str
    working_dir: str
    mounts: list[Mount]
    is_read_only: bool
    is_unprivileged: bool
    is_restarted: bool
    shm_bytes: int
    n_files: int
    networks: list[str]
    depends_on: dict[str, str]
    healthcheck: Healthcheck | None
    n_replicas: int
    profiles: list[str]


def read_services(path: Path, volumes: Path, variables: Mapping[str, str]) -> dict[str, Service]:
    """The services of the compose file at ``path``.

    Args:
        path: the file.
        volumes: a folder for the named volumes.
        variables: values of the file's ``${NAME:-…}``.
    """
    whole = _interpolated(yaml.safe_load(path.read_text()), variables)
    return {
        name: _service(name, table, whole, path.parent, volumes)
        for name, table in whole["services"].items()
    }


def _service(
    name: str, table: Mapping[str, Any], whole: Mapping[str, Any], base: Path, volumes: Path
) -> Service:
    return Service(
        name=name,
        is_postgres=table["image"].startswith("postgres:"),
        entrypoint=table.get("entrypoint", []),
        command=table["command"],
        environment=table.get("environment", {}),
        user=table["user"],
        working_dir=table.get("working_dir", "/"),
        mounts=[*_files(table, whole, base), *_volumes(table, base, volumes), *_scratch(table)],
        is_read_only=table.get("read_only", False),
        is_unprivileged=table.get("cap_drop") == ["ALL"]
        and "no-new-privileges:true" in table.get("security_opt", []),
        is_restarted=table.get("restart") == "unless-stopped",
        shm_bytes=int(_quantity(table.get("shm_size", "64mb"))),
        n_files=table.get("ulimits", {}).get("nofile", 1024),
        networks=table.get("networks", ["default"]),
        depends_on={to: how["condition"] for to, how in table.get("depends_on", {}).items()},
        healthcheck=_healthcheck(table["healthcheck"]),
        n_replicas=int(table.get("deploy", {}).get("replicas", 1)),
        profiles=table.get("profiles", []),
    )


def _interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _interpolated(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [_interpolated(part, variables) for part in value]
    if not isinstance(value, str):
        return value
    return _VARIABLE.sub(
        lambda found: variables.get(found[1]) or found[2] or "" if found[1] else "$", value
    )


def _files(table: Mapping[str, Any], whole: Mapping[str, Any], base: Path) -> list[Mount]:
    """Secrets and configs: single read-only files."""
    secrets = [
        Mount(
            target=f"/run/secrets/{name}",
            source=base / whole["secrets"][name]["file"],
            is_read_only=True,
        )
        for name in table.get("secrets", [])
    ]
    configs = [
        Mount(
            target=used["target"],
            source=base / whole["configs"][used["source"]]["file"],
            is_read_only=True,
        )
        for used in table.get("configs", [])
    ]
    return secrets + configs


def _volumes(table: Mapping[str, Any], base: Path, volumes: Path) -> list[Mount]:
    mounts = []
    for text in table.get("volumes", []):
        source, target, *mode = text.split(":")
        is_path = source.startswith((".", "/"))
        mounts.append(
            Mount(
                target=target,
                source=base / source if is_path else volumes / source,
                is_read_only=mode == ["ro"],
            )
        )
    return mounts


def _scratch(table: Mapping[str, Any]) -> list[Mount]:
    parts = [text.partition(":") for text in table.get("tmpfs", [])]
    return [Mount(target=target, options=options) for target, _, options in parts]


def _healthcheck(table: Mapping[str, Any]) -> Healthcheck | None:
    if table.get("disable"):
        return None
    kind, *command = table["test"]
    assert kind == "CMD", "a healthcheck is a list that begins with CMD"
    interval_s, timeout_s = _quantity(table["interval"]), _quantity(table["timeout"])
    return Healthcheck(
        command=command,
        interval_s=interval_s,
        timeout_s=timeout_s,
        patience_s=_quantity(table["start_period"]) + table["retries"] * (interval_s + timeout_s),
    )


def _quantity(text: str) -> float:
    """Seconds of a duration, bytes of a size."""
    found = re.fullmatch(r"(\d+)([a-z]+)", text)
    assert found is not None, f"'{text}' is neither a duration nor a size"
    return int(found[1]) * _UNITS[found[2]]
