"""The error that a user can mend."""


class UserError(Exception):
    """A mistake of the user's: place, value, rule and remedy, one line for each fault.

    The command line prints it as ``error: …`` and exits with 2.
    """
