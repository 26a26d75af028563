"""Entry point of ``reservoir-search``, also ``python -m search``."""

import signal
import sys

from search import foreign_package


def main() -> None:
    """Run the command line, unless another project's packages are in the place of ours.

    While it is imported, a signal ends the process without a word.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it is not ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback of an import
    if (fault := foreign_package()) is not None:
        sys.exit(f"error: {fault}")
    from search.cli import main as run_commands

    run_commands()


if __name__ == "__main__":
    main()
