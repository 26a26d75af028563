"""The networks of a compose file, as bridges and network namespaces of this machine."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Sequence


class Networks:
    """Bridges, one for each network; a namespace with one address on each for a container.

    Addresses are of the range for tests of networks (RFC 2544), and no route leads out.
    """

    def __init__(self) -> None:
        self._prefix = f"rs{os.getpid() % 10_000}"
        self._bridges: dict[str, int] = {}
        self._namespaces: list[str] = []
        self._outer: list[str] = []  # the bridges' ends of the links
        self._links = itertools.count()
        self._hosts = itertools.count(2)  # the bridge is 1

    def addresses(self, networks: Sequence[str]) -> dict[str, str]:
        """An address on each of the networks, for one container."""
        host = next(self._hosts)
        return {network: self._address(network, host) for network in networks}

    def join(self, addresses: dict[str, str]) -> str:
        """A new namespace with these addresses: its name."""
        namespace = f"{self._prefix}-{len(self._namespaces)}"
        self._namespaces.append(namespace)
        _ip("netns", "add", namespace)
        _ip("-n", namespace, "link", "set", "lo", "up")
        for network, address in addresses.items():
            link = next(self._links)
            outer, inner = f"{self._prefix}v{link}", f"eth{link}"
            _ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", namespace)
            self._outer.append(outer)
            _ip("link", "set", outer, "master", self._bridge_name(network), "up")
            _ip("-n", namespace, "addr", "add", f"{address}/24", "dev", inner)
            _ip("-n", namespace, "link", "set", inner, "up")
        return namespace

    def close(self) -> None:
        """Remove them all; the containers have ended."""
        for outer in self._outer:  # or they stay as long as a dead process's connections do
            _ip("link", "del", outer)
        for namespace in self._namespaces:
            _ip("netns", "del", namespace)
        for network in self._bridges:
            _ip("link", "del", self._bridge_name(network))

    def _address(self, network: str, host: int) -> str:
        if network not in self._bridges:
            self._bridges[network] = len(self._bridges)
            name = self._bridge_name(network)
            _ip("link", "add", name, "type", "bridge")
            _ip("addr", "add", f"{self._address(network, 1)}/24", "dev", name)
            _ip("link", "set", name, "up")
        number = self._bridges[network]
        assert number < 2, "the range holds two networks"
        return f"198.{18 + number}.{os.getpid() % 256}.{host}"

    def _bridge_name(self, network: str) -> str:
        return f"{self._prefix}b{self._bridges[network]}"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
