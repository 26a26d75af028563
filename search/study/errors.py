"""The error of work that was asked for rightly and did not succeed."""


class WorkFailed(Exception):
    """The command line prints it as ``failed: …`` and exits with 1."""
