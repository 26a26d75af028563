"""All output of this program: nothing from a file acts on the terminal, no secret is shown.

Names, sentences and messages may come from files of others, with control characters that
recolour, retitle or overwrite what a terminal shows. They are printed as escapes, in a file too,
for it may be looked at in a terminal later.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from search.study.tracking_uri import without_secrets
from spaces.visible import visible

FILE_WIDTH = 140  # characters, where no terminal sets the width


class VisibleConsole(Console):
    """Rich's console, whose own colours are all that acts on the terminal."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else visible(segment.text)
            yield Segment(text, segment.style, segment.control)


class VisibleFormatter(logging.Formatter):
    """Formatter of log lines, of libraries' too, which may repeat addresses and passwords."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(without_secrets(super().format(record)))


def output() -> Console:
    """Console that prints to standard output."""
    return VisibleConsole() if sys.stdout.isatty() else VisibleConsole(width=FILE_WIDTH)


def say(text: object = "", *, end: str = "\n") -> None:
    """Print a result to standard output."""
    print(visible(str(text)), end=end, flush=True)


def say_json(values: object) -> None:
    """Print a result to standard output as JSON."""
    # JSON escapes all that acts on a terminal but this one.
    print(json.dumps(values, indent=2).replace("\x7f", "\\u007f"), flush=True)


def write(text: str) -> None:
    """Write a line of data, such as a translation, to standard output as it is."""
    print(text, flush=True)


def tell(text: object) -> None:
    """Print a message to standard error."""
    print(visible(without_secrets(str(text))), file=sys.stderr, flush=True)
