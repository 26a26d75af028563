"""Ray for one user of one machine: nobody else can reach its processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ray._private import ray_constants
from ray.tune.execution import class_cache

from trainable.users_folder import users_folder


@contextmanager
def on_loopback() -> Iterator[None]:
    """Have the Ray that starts within listen on loopback alone.

    Ray's servers listen on all interfaces unless the node's own address is loopback, and
    ``ray.init`` replaces such an address by another. This switch, made for desktops with a
    firewall (ray#18730), is the one that leaves it alone.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def private_folder() -> Path:
    """A folder for Ray's sessions that no other user can look into.

    Ray lets everyone write to its own, /tmp/ray, in which its sockets are.

    Raises:
        UserError: someone else has the folder.
    """
    return users_folder() / "ray"  # which Ray opens to everyone again


def keep_keys_off_command_lines() -> None:
    """Have Tune not hand AWS's keys to the processes of trials.

    They would stand on the command lines of those, which everyone on the machine may read.
    The processes have the environment of Ray on their machine anyway.
    """
    class_cache.ENV_VARS_TO_PROPAGATE = {
        name for name in class_cache.ENV_VARS_TO_PROPAGATE if not name.startswith("AWS_")
    }


def hide_token() -> None:
    """Let no other user read the token that opens our Ray; Ray writes it for all to see."""
    token = Path.home() / ".ray" / "auth_token"
    if token.is_file():
        token.chmod(0o600)
