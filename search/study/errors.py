"""Error of a valid command that did not succeed."""


class WorkFailed(Exception):
    """Failure of a valid command, printed as ``failed: …``; the exit code is 1."""
