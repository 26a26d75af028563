"""Parts of Ray that are not its documented interface; for Ray Tune see ``tune.py``.

An upgrade of Ray may take away any of them, and tests/test_private_parts.py then fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ray._private import ray_constants, services
from ray._private.authentication.authentication_token_setup import (
    maybe_enable_token_auth_if_token_available,
)

# Undocumented switches of Ray's servers. Nobody collects the metrics, and the thread that
# sends them can crash its process (ray#60048). If an upgrade removes the switches, check
# whether the thread is gone too.
WITHOUT_METRICS = {"RAY_enable_metrics_collection": "0", "RAY_enable_open_telemetry": "0"}

# Lets ``ray.init`` in a job's process use another runtime environment than the job's; without
# it ``ray.init`` raises. If an upgrade removes it, merge the two environments in our code.
OVERRIDE_JOBS_ENVIRONMENT = {"RAY_OVERRIDE_JOB_RUNTIME_ENV": "1"}

# A program that connects to the address in its first argument, as ``ray.init`` does first, and
# fails with Ray's error on stderr. If an upgrade removes the client, ``ray.init`` in a separate
# process gives the same error, more slowly.
GREETING = "import sys; from ray._raylet import GcsClient; GcsClient(address=sys.argv[1])"


@contextmanager
def on_loopback() -> Iterator[None]:
    """Make a Ray that starts within the block listen on loopback only.

    Ray's servers listen on all interfaces unless the node's own address is loopback, and
    ``ray.init`` replaces such an address by another one. This switch, made for desktops with
    a firewall (ray#18730), prevents the replacement. If an upgrade removes it, look for
    another: without one, every machine of the network can reach Ray, and only the token
    protects it.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def in_folder(folder: Path) -> dict[str, str]:
    """Option of ``ray.init`` that places sockets, logs and sessions in ``folder``.

    Documented is the option ``--temp-dir`` of ``ray start``; ``ray.init`` has it with an
    underscore.
    """
    return {"_temp_dir": str(folder)}


def cluster_at(address: str) -> str | None:
    """HOST:PORT of the cluster that ``ray.init`` would join at ``address``; None if there is none.

    If an upgrade removes the function, read RAY_ADDRESS and the file of the last cluster
    started on this machine.

    Raises:
        ConnectionError: several clusters run on this machine, and ``address`` is ``auto``.
        ValueError: there is no such host.
    """
    found = services.canonicalize_bootstrap_address(address)
    return None if found is None else str(found)


def take_up_token() -> None:
    """Use the authentication token in its default file, if any, as ``ray.init`` does for ``auto``.

    If an upgrade removes the function, set RAY_AUTH_MODE=token if the file exists.
    """
    maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
