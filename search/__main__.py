"""Entry point of ``reservoir-search``, also ``python -m search``."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line. While it is imported, a signal ends the process without a word."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it is not ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback of an import
    from search.cli import main as run_command

    run_command()


if __name__ == "__main__":
    main()
