"""Which addresses the processes of a command listen on, watched while it runs."""

from __future__ import annotations

import subprocess
import time
from ipaddress import ip_address

import psutil


def is_loopback(address: str) -> bool:
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def watch(command: subprocess.Popen[str], *, timeout: float) -> tuple[set[tuple[str, str]], str]:
    """Until it ends: (process, address) of each listening socket, and all command lines."""
    deadline = time.monotonic() + timeout
    root = psutil.Process(command.pid)
    seen: set[tuple[str, str]] = set()
    lines: set[str] = set()
    while command.poll() is None and time.monotonic() < deadline:
        try:
            processes = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            break
        for process in processes:
            try:
                lines.add(" ".join(process.cmdline()))
                seen |= {(process.name(), address) for address in listening(process)}
            except psutil.Error:
                continue  # it ended meanwhile
        time.sleep(0.3)
    return seen, "\n".join(lines)


def listening(process: psutil.Process) -> set[str]:
    """The addresses that take connections or packets."""
    return {
        socket.laddr.ip
        for socket in process.net_connections(kind="inet")
        if socket.status == psutil.CONN_LISTEN or (socket.status == psutil.CONN_NONE)
        if socket.laddr
    }
