"""Parts of Ray that are not its documented interface; those of Ray Tune are in ``tune.py``.

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

# Switches of Ray's servers that no page of its documentation names. Nobody collects the
# metrics, and the thread that sends them can crash its process (ray#60048). When they are
# gone, see whether the thread is.
WITHOUT_METRICS = {"RAY_enable_metrics_collection": "0", "RAY_enable_open_telemetry": "0"}

# Lets ``ray.init`` in a job's process take another runtime environment than the job's, where
# it would raise. When it is gone, merge the two by hand.
OVERRIDE_JOBS_ENVIRONMENT = {"RAY_OVERRIDE_JOB_RUNTIME_ENV": "1"}

# A program that connects to the address in its first argument, as ``ray.init`` does at first,
# and fails with Ray's error on stderr. When the client has gone, ``ray.init`` in a process of
# its own says the same, more slowly.
GREETING = "import sys; from ray._raylet import GcsClient; GcsClient(address=sys.argv[1])"


@contextmanager
def on_loopback() -> Iterator[None]:
    """Have the Ray that starts within listen on loopback alone.

    Ray's servers listen on all interfaces unless the node's own address is loopback, and
    ``ray.init`` replaces such an address by another. This switch, made for desktops with a
    firewall (ray#18730), is the one that leaves it alone. When it is gone, look for another:
    without one, everyone in the network reaches Ray, and only the token keeps them out.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def in_folder(folder: Path) -> dict[str, str]:
    """The option of ``ray.init`` that puts sockets, logs and sessions below ``folder``.

    The documented place is the option ``--temp-dir`` of ``ray start``; ``ray.init`` has it
    with an underscore.
    """
    return {"_temp_dir": str(folder)}


def cluster_at(address: str) -> str | None:
    """HOST:PORT of the cluster that ``ray.init`` would join at ``address``; None if there is none.

    When it is gone, read RAY_ADDRESS and the file of the last cluster started here.

    Raises:
        ConnectionError: several clusters run here, and ``address`` is ``auto``.
        ValueError: no such host.
    """
    found = services.canonicalize_bootstrap_address(address)
    return None if found is None else str(found)


def take_up_token() -> None:
    """Use the token in its default place, if there is one, as ``ray.init`` does for ``auto``.

    When it is gone, set RAY_AUTH_MODE=token where the file exists.
    """
    maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
