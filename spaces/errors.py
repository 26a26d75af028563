"""Errors for mistakes that the user can correct."""


class UserError(Exception):
    """A mistake of the user's; one line per fault: place, value, rule and remedy.

    The command line prints it as ``error: …`` and exits with 2.
    """


class DamagedData(UserError):
    """Prepared data that are missing, damaged or unreadable; they may be there again later."""
