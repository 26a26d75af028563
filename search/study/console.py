"""Where results are printed: as wide as the terminal, or as a file allows."""

from __future__ import annotations

import sys

from rich.console import Console

FILE_WIDTH = 140  # characters, where no terminal sets the width


def output() -> Console:
    """Standard output."""
    return Console() if sys.stdout.isatty() else Console(width=FILE_WIDTH)
