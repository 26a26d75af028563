"""Files of a local Ray that no other user of the machine may read or write."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from spaces.errors import UserError
from trainable.users_folder import users_folder


def private_folder() -> Path:
    """A folder for Ray's sessions that no other user can look into.

    Ray lets everyone write to its own, /tmp/ray, in which its sockets are.

    Raises:
        UserError: someone else has the folder.
    """
    return users_folder() / "ray"  # which Ray opens to everyone again


def hidden_token() -> Path:
    """The file of the token that opens our Ray, which no other user can read.

    Ray makes it when it starts, readable for all, so it is made here before that.

    Raises:
        UserError: it can be neither made nor hidden.
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
