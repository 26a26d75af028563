"""Files of a local Ray, closed to other users of the machine."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from spaces.errors import UserError
from trainable.users_folder import users_folder


def private_folder() -> Path:
    """Folder for Ray's sessions that no other user can look into.

    Ray's default, /tmp/ray, holds its sockets, and everyone can write to it.

    Raises:
        UserError: the folder belongs to another user.
    """
    return users_folder() / "ray"  # Ray makes this one open to everyone; its parent stays closed


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
