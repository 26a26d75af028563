"""Ports for servers of tests."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A port of loopback that nothing uses now."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port: int = server.getsockname()[1]
        return port
