"""All output of this program: nothing from a file acts on the terminal, no secret is shown.

Names, sentences and messages may come from files of others, with control characters that
recolour, retitle or overwrite what a terminal shows. They are printed as escapes, in a file too,
for it may be looked at in a terminal later.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import textwrap
import threading
import traceback
from collections.abc import Iterable, Iterator
from functools import cache

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live
from rich.segment import Segment
from rich.spinner import Spinner

from search.study.tracking_uri import without_secrets
from spaces.errors import UserError
from spaces.visible import visible
from trainable.users_folder import users_folder

FILE_WIDTH = 140  # characters, where no terminal sets the width
TRACES = "traces.log"  # in the user's folder
_TRACES_BYTES = 2**20  # the file begins anew once it is larger

logger = logging.getLogger(__name__)


class VisibleConsole(Console):
    """Rich's console, whose own colours are all that acts on the terminal."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else visible(segment.text)
            yield Segment(text, segment.style, segment.control)


class _Terminal(VisibleConsole):
    """Terminal that keeps its cursor, so that no end of the process can leave it without one."""

    def show_cursor(self, show: bool = True) -> bool:
        return False


class VisibleFormatter(logging.Formatter):
    """Formatter of log lines, of libraries' too, which may repeat addresses and passwords.

    An error is its type and message in the same line; its traceback goes to the file ``TRACES``.
    """

    def format(self, record: logging.LogRecord) -> str:
        text, stack = super().format(_without_trace(record)), record.stack_info
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            reason = " ".join(str(error).split())
            text = f"{text}: {type(error).__name__}: {reason}".removesuffix(": ")
            _keep_trace(text, "".join(traceback.format_exception(error)))
        elif stack:
            _keep_trace(text, stack)
        text = visible(without_secrets(text))
        return _at_words(text, VisibleConsole(stderr=True).width) if shows_live() else text


def _at_words(text: str, width: int) -> str:
    """The text broken at words; a terminal breaks lines anywhere, as those with wide letters."""
    return "\n".join(
        textwrap.fill(
            line,
            width,
            subsequent_indent=" " * (len(line) - len(line.lstrip()) + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
        if cell_len(line) == len(line)
        else line
        for line in text.split("\n")
    )


def errors_in_one_line() -> None:
    """Log what libraries let escape in threads and destructors, instead of a traceback.

    The thread of Ray that listens for errors lets some escape while its cluster ends.
    """
    threading.excepthook = _log_error_of_thread
    sys.unraisablehook = _log_ignored_error


def _log_error_of_thread(args: threading.ExceptHookArgs) -> None:
    name = "a thread" if args.thread is None else f"thread {args.thread.name}"
    if args.exc_value is not None and args.exc_type is not SystemExit:
        logger.error("%s ended", name, exc_info=args.exc_value)


def _log_ignored_error(args: sys.UnraisableHookArgs) -> None:
    if args.exc_value is not None:
        where = getattr(args.object, "__qualname__", type(args.object).__name__)
        logger.error("ignored in %s", where, exc_info=args.exc_value)


def _without_trace(record: logging.LogRecord) -> logging.LogRecord:
    """Copy of the record without its error and stack; other handlers may want them."""
    copy = logging.makeLogRecord(vars(record))
    copy.exc_info = copy.exc_text = copy.stack_info = None
    return copy


def _keep_trace(message: str, trace: str) -> None:
    with contextlib.suppress(OSError, UserError):  # a lost trace is no reason to end
        path = users_folder() / TRACES
        is_small = not path.exists() or path.stat().st_size < _TRACES_BYTES
        with path.open("a" if is_small else "w", encoding="utf-8", errors="replace") as file:
            file.write(visible(without_secrets(message)) + "\n" + without_secrets(trace) + "\n")


def output() -> Console:
    """Console that prints to standard output."""
    return VisibleConsole() if sys.stdout.isatty() else VisibleConsole(width=FILE_WIDTH)


def say(text: object = "", *, end: str = "\n") -> None:
    """Print a result to standard output."""
    print(visible(str(text)), end=end, flush=True)


def say_fact(text: object) -> None:
    """Print a line of a list to standard output: broken at words at a terminal, and indented."""
    is_file = not sys.stdout.isatty()
    say(text if is_file else _at_words(visible(str(text)), output().width))


def say_sentence(text: object) -> None:
    """Print prose to standard output: broken at words at a terminal, a line in a file."""
    is_file = not sys.stdout.isatty()
    output().print(str(text), markup=False, highlight=False, soft_wrap=is_file)


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


def shows_live() -> bool:
    """True if what goes on is shown in place: at a terminal, without --quiet and --verbose."""
    is_usual = logger.isEnabledFor(logging.INFO) and not logging.root.isEnabledFor(logging.INFO)
    return is_usual and sys.stderr.isatty() and VisibleConsole(stderr=True).is_interactive


@contextlib.contextmanager
def live(view: RenderableType, *, refreshes_per_s: float = 1) -> Iterator[Live]:
    """Show ``view`` in place while the block lasts, below all lines that are logged or printed.

    It goes with the block, but stays after an exception. Call it only if ``shows_live``.
    """
    shown = Live(
        view,
        console=_terminal(),
        refresh_per_second=refreshes_per_s,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    )
    before = sys.stderr
    with shown, _logging_to_stderr(before):
        try:
            yield shown
        except BaseException:
            shown.transient = False
            raise


@contextlib.contextmanager
def doing(what: str) -> Iterator[None]:
    """Tell at a terminal what takes a while, as long as it lasts."""
    if not shows_live():
        yield
        return
    with live(Spinner("dots", what), refreshes_per_s=8):
        yield


@cache
def _terminal() -> _Terminal:
    """Terminal at standard error, which Ray's start turns to a file for a while.

    One for the whole process: libraries may keep the stream that stands for it meanwhile.
    """
    stderr = os.fdopen(os.dup(sys.stderr.fileno()), "w", errors="backslashreplace")
    return _Terminal(file=stderr)


@contextlib.contextmanager
def _logging_to_stderr(before: object) -> Iterator[None]:
    """Let handlers that log to the stream ``before`` log to the present standard error."""
    moved = [
        handler
        for handler in logging.root.handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is before
    ]
    for handler in moved:
        handler.setStream(sys.stderr)
    try:
        yield
    finally:
        for handler in moved:
            handler.setStream(before)
