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
    """How a service says that it is well, and how long it may take to become so."""

    command: list[str]
    interval_s: float
    timeout_s: float
    patience_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service: what is run, as whom, with what."""

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
        variables: what the file's ``${NAME:-…}`` stand for.
    """
    whole = _interpolated(yaml.safe_load(path.read_text()), variables)
    return {
        name: _service(name, told, whole, path.parent, volumes)
        for name, told in whole["services"].items()
    }


def _service(
    name: str, told: Mapping[str, Any], whole: Mapping[str, Any], base: Path, volumes: Path
) -> Service:
    return Service(
        name=name,
        is_postgres=told["image"].startswith("postgres:"),
        entrypoint=told.get("entrypoint", []),
        command=told["command"],
        environment=told.get("environment", {}),
        user=told["user"],
        working_dir=told.get("working_dir", "/"),
        mounts=[*_files(told, whole, base), *_volumes(told, base, volumes), *_scratch(told)],
        is_read_only=told.get("read_only", False),
        is_unprivileged=told.get("cap_drop") == ["ALL"]
        and "no-new-privileges:true" in told.get("security_opt", []),
        is_restarted=told.get("restart") == "unless-stopped",
        shm_bytes=int(_quantity(told.get("shm_size", "64mb"))),
        n_files=told.get("ulimits", {}).get("nofile", 1024),
        networks=told.get("networks", ["default"]),
        depends_on={to: how["condition"] for to, how in told.get("depends_on", {}).items()},
        healthcheck=_healthcheck(told["healthcheck"]),
        n_replicas=int(told.get("deploy", {}).get("replicas", 1)),
        profiles=told.get("profiles", []),
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


def _files(told: Mapping[str, Any], whole: Mapping[str, Any], base: Path) -> list[Mount]:
    """Secrets and configs: single files, which nobody writes."""
    secrets = [
        Mount(
            target=f"/run/secrets/{name}",
            source=base / whole["secrets"][name]["file"],
            is_read_only=True,
        )
        for name in told.get("secrets", [])
    ]
    configs = [
        Mount(
            target=used["target"],
            source=base / whole["configs"][used["source"]]["file"],
            is_read_only=True,
        )
        for used in told.get("configs", [])
    ]
    return secrets + configs


def _volumes(told: Mapping[str, Any], base: Path, volumes: Path) -> list[Mount]:
    mounts = []
    for text in told.get("volumes", []):
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


def _scratch(told: Mapping[str, Any]) -> list[Mount]:
    parts = [text.partition(":") for text in told.get("tmpfs", [])]
    return [Mount(target=target, options=options) for target, _, options in parts]


def _healthcheck(told: Mapping[str, Any]) -> Healthcheck | None:
    if told.get("disable"):
        return None
    kind, *command = told["test"]
    assert kind == "CMD", "a healthcheck is a list that begins with CMD"
    interval_s, timeout_s = _quantity(told["interval"]), _quantity(told["timeout"])
    return Healthcheck(
        command=command,
        interval_s=interval_s,
        timeout_s=timeout_s,
        patience_s=_quantity(told["start_period"]) + told["retries"] * (interval_s + timeout_s),
    )


def _quantity(text: str) -> float:
    """Seconds of a duration, bytes of a size."""
    found = re.fullmatch(r"(\d+)([a-z]+)", text)
    assert found is not None, f"'{text}' is neither a duration nor a size"
    return int(found[1]) * _UNITS[found[2]]
