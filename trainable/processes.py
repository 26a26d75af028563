"""Names of temporary files that tell whether the process that made them is still alive."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import secrets
import socket
from contextlib import suppress
from pathlib import Path

_OURS = re.compile(r"([0-9a-f]{8})_(\d+)_[0-9a-f]{8}(?![0-9a-f])")


def name_of_ours() -> str:
    """Unique end of a file's name, with this machine and this process in it."""
    return f"{_machine()}_{os.getpid()}_{secrets.token_hex(4)}"


def is_abandoned(name: str) -> bool:
    """Whether ``name`` contains a ``name_of_ours`` of a dead process of this machine.

    False if its number has gone to another process.
    """
    owner = _OURS.search(name)
    return owner is not None and owner[1] == _machine() and not is_alive(int(owner[2]))


def is_alive(pid: int) -> bool:
    """Whether a process has that number on this machine."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


@functools.cache
def _machine() -> str:
    """Eight hexadecimal digits for this machine and its process numbers.

    Machines that share a folder differ in it, and so do containers, whose process numbers are
    their own.
    """
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/etc/machine-id").read_text(encoding="utf-8"))
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - it is no path
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]
