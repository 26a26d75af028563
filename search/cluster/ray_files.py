"""Files of a local Ray that no other user of the machine may read or write."""

from __future__ import annotations

from pathlib import Path

from trainable.users_folder import users_folder


def private_folder() -> Path:
    """A folder for Ray's sessions that no other user can look into.

    Ray lets everyone write to its own, /tmp/ray, in which its sockets are.

    Raises:
        UserError: someone else has the folder.
    """
    return users_folder() / "ray"  # which Ray opens to everyone again


def hide_token() -> None:
    """Let no other user read the token that opens our Ray; Ray writes it for all to see."""
    token = Path.home() / ".ray" / "auth_token"
    if token.is_file():
        token.chmod(0o600)
