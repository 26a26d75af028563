"""Errors of a valid command that did not succeed, or not yet."""

NOT_FINISHED = 75  # exit code of NotFinished: EX_TEMPFAIL of sysexits.h, try again


class WorkFailed(Exception):
    """Failure of a valid command, printed as ``failed: …``; the exit code is 1."""


class NotFinished(Exception):
    """End of the time of ``--for`` before the end of the work, printed as ``not finished: …``."""
