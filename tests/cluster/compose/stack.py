"""A compose file's services run on this machine, without a container engine.

Each command, entrypoint and healthcheck is what the file says, in namespaces of its own:
service names, networks, users, secrets, volumes, read-only files and dropped capabilities
hold as in a container. In the images' place stand this machine's files and ``.venv``.
Published ports and limits of CPU and memory are left out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from tests.cluster.compose.file import Healthcheck, Service, read_services
from tests.cluster.compose.network import Networks

ROOT = Path(__file__).parents[3]
POSTGRES = Path("/usr/lib/postgresql")

# The part of the entrypoint of PostgreSQL's image that is used here.
_POSTGRES_ENTRYPOINT = """#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" \\
        --pwfile "$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    echo "unix_socket_directories = '/var/run/postgresql'" >> "$PGDATA/postgresql.conf"
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    pg_ctl --pgdata "$PGDATA" --wait -o "-c listen_addresses=''" start
    PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") createdb --host /var/run/postgresql \\
        --username "$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl --pgdata "$PGDATA" --wait --mode fast stop
fi
exec "$@"
"""

_USERS = (
    "root:x:0:0::/root:/bin/sh\npostgres:x:999:999::/:/bin/sh\nsearch:x:10001:10001::/tmp:/bin/sh\n"
)


@dataclass(slots=True, kw_only=True)
class Container:
    """One running service."""

    name: str
    service: Service
    addresses: dict[str, str]
    process: subprocess.Popen[str]
    log: Path

    def tail(self) -> str:
        """End of the container's log."""
        return f"{self.name}: {self.log.read_text()[-4000:]}"

    def execute(self, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command in the container, as its user."""
        (first,) = (
            Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        )
        enter = ["nsenter", "--target", first, "--mount", "--net", "--pid", "--uts", "--ipc"]
        return subprocess.run(
            [
                *enter,
                f"--root=/proc/{first}/root",
                "--wd=.",
                "--",
                *_as_user(self.service),
                *command,
            ],
            env=_environment(self.service),
            cwd=f"/proc/{first}/root",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


class Stack:
    """The services of a compose file; closed, nothing of them is left but ``scratch``."""

    def __init__(self, compose_file: Path, scratch: Path, **variables: str) -> None:
        self._scratch = scratch
        self.services = read_services(compose_file, scratch / "volumes", variables)
        self.containers: dict[str, Container] = {}
        self._networks = Networks()
        self._namespaces: dict[str, str] = {}
        self._addresses = {
            f"{name}-{replica}": self._networks.addresses(service.networks)
            for name, service in self.services.items()
            for replica in range(1, service.n_replicas + 1)
        }

    def up(self) -> None:
        """Start the services without a profile, each after those that it depends on."""
        order = {name: set(service.depends_on) for name, service in self.services.items()}
        for name in TopologicalSorter(order).static_order():
            service = self.services[name]
            if service.profiles:
                continue
            started = [self.start(name, number) for number in range(1, service.n_replicas + 1)]
            for container in started:
                self.wait_until_healthy(container)

    def run(
        self, name: str, *command: str, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run another command in a further container of a service, to its end."""
        container = self._start(self.services[name], f"{name}-1", [*command])
        exit_code = container.process.wait(timeout)
        output = container.log.read_text()
        return subprocess.CompletedProcess(command, exit_code, stdout=output)

    def start(self, name: str, replica: int = 1) -> Container:
        """Start one container of a service."""
        service = self.services[name]
        return self._start(service, f"{name}-{replica}", service.command)

    def wait_until_healthy(self, container: Container) -> None:
        """Repeat the healthcheck until it succeeds; restart a container that ends, if it may be."""
        check = container.service.healthcheck
        assert check is not None, f"{container.name} has no healthcheck to wait for"
        deadline = time.monotonic() + check.patience_s
        while not _is_healthy(container, check):
            assert time.monotonic() < deadline, f"unhealthy: {container.tail()}"
            if container.process.poll() is not None:
                assert container.service.is_restarted, f"ended: {container.tail()}"
                print(f"restarted, since it ended: {container.tail()}", file=sys.stderr)
                container = self._start(
                    container.service, container.name, container.service.command
                )
            time.sleep(1)

    def close(self) -> None:
        """Stop every container, the last started first, and remove the networks."""
        for container in reversed(self.containers.values()):
            stop(container)
        self._networks.close()

    def _start(self, service: Service, name: str, command: Sequence[str]) -> Container:
        place = self._scratch / name
        place.mkdir(exist_ok=True)
        self._make_volumes(service)
        settings = place / "settings.json"
        settings.write_text(json.dumps(self._settings(service, name, place, command), default=str))
        if name not in self._namespaces:
            self._namespaces[name] = self._networks.join(self._addresses[name])
        log = self._scratch / f"{name}.log"
        isolate = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
        script = str(Path(__file__).with_name("container.py"))
        with log.open("w") as output:
            process = subprocess.Popen(
                [
                    "ip",
                    "netns",
                    "exec",
                    self._namespaces[name],
                    *isolate,
                    sys.executable,
                    script,
                    str(settings),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                env=_environment(service),
                start_new_session=True,
            )
        container = Container(
            name=name,
            service=service,
            addresses=self._addresses[name],
            process=process,
            log=log,
        )
        self.containers[name] = container
        return container

    def _make_volumes(self, service: Service) -> None:
        """Named volumes belong to the user whose image first fills them."""
        for mount in service.mounts:
            if mount.source is not None and mount.source.parent == self._scratch / "volumes":
                mount.source.mkdir(parents=True, exist_ok=True)
                os.chown(mount.source, *map(int, service.user.split(":")))

    def _settings(
        self, service: Service, name: str, place: Path, command: Sequence[str]
    ) -> dict[str, object]:
        entrypoint = ["docker-entrypoint.sh"] if service.is_postgres else service.entrypoint
        return {
            "name": name,
            "scratch": place,
            "readable": [ROOT, sys.prefix, sys.base_prefix],
            "files": {
                "etc/hosts": self._hosts(service, name),
                "etc/passwd": _USERS,
                "usr/local/bin/docker-entrypoint.sh": _POSTGRES_ENTRYPOINT,
                "usr/local/bin/with-secrets": (ROOT / "docker/with_secrets.sh").read_text(),
            },
            "mounts": [asdict(mount) for mount in service.mounts],
            "working_dir": service.working_dir,
            "is_read_only": service.is_read_only,
            "shm_bytes": service.shm_bytes,
            "n_files": service.n_files,
            "command": [*_as_user(service), *entrypoint, *command],
        }

    def _hosts(self, service: Service, name: str) -> str:
        """Text of /etc/hosts: the containers that share a network with this one."""
        lines = ["127.0.0.1 localhost"]
        lines += [f"{address} {name}" for address in self._addresses[name].values()]
        for other, addresses in self._addresses.items():
            shared = [addresses[net] for net in service.networks if net in addresses]
            lines += [f"{address} {other.rpartition('-')[0]}" for address in shared[:1]]
        return "\n".join(lines) + "\n"


@contextmanager
def stack(compose_file: Path, scratch: Path, **variables: str) -> Iterator[Stack]:
    """The services of a compose file for as long as the context lasts."""
    made = Stack(compose_file, scratch, **variables)
    try:
        made.up()
        yield made
    finally:
        made.close()


def stop(container: Container) -> None:
    """Stop a container, by force if it does not end within 30 s."""
    process = container.process
    if process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for first in children:
            os.kill(int(first), signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()  # and with it all that runs inside
            process.wait()


def _is_healthy(container: Container, check: Healthcheck) -> bool:
    try:
        return container.execute(*check.command, timeout=check.timeout_s).returncode == 0
    except (subprocess.TimeoutExpired, OSError, ValueError):  # too slow, or not there yet
        return False


def _as_user(service: Service) -> list[str]:
    user, group = service.user.split(":")
    command = ["setpriv", "--reuid", user, "--regid", group, "--clear-groups"]
    if service.is_unprivileged:
        command += ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    return [*command, "--"]


def _environment(service: Service) -> dict[str, str]:
    """Environment that images and the file set, without this process's own."""
    newest = sorted(POSTGRES.glob("*/bin"))[-1:]
    places = [Path(sys.prefix) / "bin", *newest]
    return {
        "PATH": ":".join([*map(str, places), "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"]),
        "HOME": "/tmp",
        "PYTHONUNBUFFERED": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "RAY_USAGE_STATS_ENABLED": "0",
        **service.environment,
    }
