"""Files of a local Ray, closed to other users of the machine."""

from __future__ import annotations

from pathlib import Path

from trainable.users_folder import users_folder


def private_folder() -> Path:
    """Folder for Ray's sessions that no other user can look into.

    Ray's default, /tmp/ray, holds its sockets, and everyone can write to it.

    Raises:
        UserError: the folder belongs to another user.
    """
    return users_folder() / "ray"  # Ray makes this one open to everyone; its parent stays closed


def hide_token() -> None:
    """Make the token that opens our Ray readable by its owner alone; Ray lets everyone read it."""
    token = Path.home() / ".ray" / "auth_token"
    if token.is_file():
        token.chmod(0o600)
