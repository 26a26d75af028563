"""Errors of a valid command that did not succeed, or not yet."""


class WorkFailed(Exception):
    """Failure of a valid command, printed as ``failed: …``; the exit code is 1."""


class NotFinished(Exception):
    """End of the time of ``--for`` before the end of the work, printed as ``not finished: …``."""
