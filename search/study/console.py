"""Console for results: as wide as the terminal, or 140 characters in a file."""

from __future__ import annotations

import sys

from rich.console import Console

FILE_WIDTH = 140  # characters, where no terminal sets the width


def output() -> Console:
    """Console that prints to standard output."""
    return Console() if sys.stdout.isatty() else Console(width=FILE_WIDTH)
