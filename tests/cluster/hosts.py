"""Machines with a Ray node each, made of network namespaces: own addresses, links to cut."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.cluster.compose.network import Networks
from tests.search.command_line import ROOT, environment

PORT = 6379
# A machine of its own name, on which the paths that come first ($1, colons between) are empty.
_ENTER = """
hostname "$0"; hidden="$1"; shift; IFS=:
for path in $hidden; do mount -t tmpfs none "$path"; done
exec "$@"
"""
# Ray's own patience with a node that is silent is a minute.
_IMPATIENT = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "3",
}


@dataclass(frozen=True, kw_only=True)
class Host:
    """A namespace with one address."""

    namespace: str
    address: str
    token: Path  # the file with the cluster's token
    hidden: Sequence[Path] = ()  # folders that are not on this machine

    def start(self, *command: str, cwd: Path, log: str, **extra: str) -> subprocess.Popen[str]:
        """Start a command on the host; its output goes into the file ``log`` in ``cwd``."""
        hidden = ":".join(str(path) for path in self.hidden)
        with (cwd / log).open("w") as file:
            return subprocess.Popen(
                [
                    *("ip", "netns", "exec", self.namespace, "unshare", "--uts", "--mount"),
                    *("sh", "-c", _ENTER, self.namespace, hidden, *command),
                ],
                cwd=cwd,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment(
                    PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                    RAY_AUTH_MODE="token",
                    RAY_AUTH_TOKEN_PATH=str(self.token),
                    **extra,
                ),
                start_new_session=True,
            )

    def cut_off(self) -> None:
        """Take its link down: nothing arrives and nothing is refused, as on a pulled cable."""
        interfaces = subprocess.run(
            ["ip", "-n", self.namespace, "-o", "addr", "show", "to", self.address],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        link = interfaces.split()[1]
        subprocess.run(["ip", "-n", self.namespace, "link", "set", link, "down"], check=True)

    def processes(self, named: str = "") -> list[psutil.Process]:
        """Processes on the host with ``named`` in their title."""
        pids = subprocess.run(
            ["ip", "netns", "pids", self.namespace], capture_output=True, text=True, check=True
        ).stdout.split()
        found = []
        for pid in map(int, pids):
            try:
                process = psutil.Process(pid)
                if named in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:  # it ended meanwhile
                continue
        return found

    def peers_of(self, process: psutil.Process) -> set[str]:
        """Addresses of the machines to which a process on the host is connected."""
        connections = subprocess.run(
            ["ip", "netns", "exec", self.namespace, "ss", "-Htnp", "state", "established"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        mine = [line for line in connections if f"pid={process.pid}," in line]
        return {line.split()[3].rpartition(":")[0] for line in mine}


@contextmanager
def hosts_with_ray(
    cpus: Sequence[int], place: Path, hidden: Sequence[Path]
) -> Iterator[list[Host]]:
    """Hosts with so many CPUs each, the first of them the head of a Ray cluster.

    Args:
        place: where their logs go.
        hidden: folders that only the head has.
    """
    token = place / "token"
    token.write_text(secrets.token_hex(32))
    network = Networks()
    hosts: list[Host] = []
    try:
        for number in range(len(cpus)):
            addresses = network.addresses(["lan"])
            hosts.append(
                Host(
                    namespace=network.join(addresses),
                    address=addresses["lan"],
                    token=token,
                    hidden=hidden if number else (),
                )
            )
        for number, host in enumerate(hosts):
            _start_ray(host, hosts[0], cpus[number], place)
        yield hosts
    finally:
        while ending := [process for host in hosts for process in host.processes()]:
            for process in ending:
                process.send_signal(signal.SIGKILL)
            psutil.wait_procs(ending, timeout=5)
        network.close()  # a link goes with the last process of its namespace


def _start_ray(host: Host, head: Host, n_cpus: int, place: Path) -> None:
    joining = [f"--address={head.address}:{PORT}"]
    leading = [
        *("--head", f"--port={PORT}", "--include-dashboard=False", f"--temp-dir={place / 'r'}")
    ]
    log = f"{host.namespace}.log"
    node = host.start(
        *("ray", "start", "--block", "--disable-usage-stats", f"--node-ip-address={host.address}"),
        *(f"--num-cpus={n_cpus}", "--object-store-memory=200000000"),
        *(leading if host is head else joining),
        cwd=place,
        log=log,
        **_IMPATIENT,
    )
    deadline = time.monotonic() + 240
    while "Ray runtime started" not in (place / log).read_text():
        assert node.poll() is None, (place / log).read_text()
        assert time.monotonic() < deadline, (place / log).read_text()
        time.sleep(0.2)


CODE = [ROOT / name for name in ("search", "trainable", "spaces")]
