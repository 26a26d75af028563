"""Files of a local Ray, closed to other users of the machine."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from pathlib import Path

from search.study.errors import WorkFailed
from spaces.errors import UserError
from trainable.processes import is_abandoned, is_alive, name_of_ours
from trainable.users_folder import users_folder

_ROOM = 64 * 2**20  # bytes for a session's logs, and for what Ray can't place in /dev/shm
_MARK = "driver-"  # begins the name of the file that tells a session's driver
_START_S = 600.0  # longest time from a session's folder to its mark


def private_folder() -> Path:
    """Folder for Ray's sessions that no other user can look into.

    Ray's default, /tmp/ray, holds its sockets, and everyone can write to it.

    Raises:
        UserError: the folder belongs to another user.
    """
    return users_folder() / "ray"  # Ray makes this one open to everyone; its parent stays closed


def require_room(folder: Path) -> None:
    """Check that Ray can write its sessions in ``folder``; without room it hangs or loses logs.

    Raises:
        WorkFailed: the disk is as good as full.
    """
    free = shutil.disk_usage(folder.parent).free
    if free < _ROOM:
        raise WorkFailed(
            f"{folder}: {free / 2**20:.0f} MiB of disk are free; Ray needs {_ROOM / 2**20:.0f} "
            "MiB there: make room"
        )


def session_of_this_process(folder: Path) -> Path | None:
    """Folder of the newest Ray session that this process started, if any."""
    return max(folder.glob(f"session_*_{os.getpid()}"), default=None)


def mark_session(folder: Path) -> None:
    """Name this process in its newest session, so that nobody removes it while we live."""
    session = session_of_this_process(folder)
    if session is not None:
        (session / f"{_MARK}{name_of_ours()}").touch()


def remove_old_sessions(folder: Path) -> None:
    """Remove the sessions in ``folder`` whose drivers are dead: logs, sockets, spilled objects."""
    for session in folder.glob("session_*_*"):
        with contextlib.suppress(OSError):  # another process may remove the same
            if not session.is_symlink() and _is_over(session):
                shutil.rmtree(session, ignore_errors=True)


def _is_over(session: Path) -> bool:
    """True if the session's driver is dead; Ray puts its process number into the name."""
    marks = list(session.glob(f"{_MARK}*"))
    if marks:
        return all(is_abandoned(mark.name) for mark in marks)
    pid = session.name.rpartition("_")[2]
    is_old = time.time() - session.stat().st_mtime > _START_S
    return is_old and pid.isdecimal() and not is_alive(int(pid))


def hidden_token() -> Path:
    """File of the token that opens our Ray, readable by its owner alone.

    Ray itself would make it at its start readable by everyone, so it is made here before.

    Raises:
        UserError: the file cannot be made, or its mode cannot be changed.
    """
    token = Path.home() / ".ray" / "auth_token"
    try:
        token.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
        token.chmod(0o600)  # an earlier Ray may have made it
    except OSError as error:
        raise UserError(
            f"{token}: {error.strerror}; Ray keeps its token there: set HOME to a folder of yours"
        ) from error
    return token
