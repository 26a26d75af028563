"""``reservoir-search translate``: raw sentences in, translations out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer


def translate(
    export: Annotated[
        Path, typer.Argument(metavar="EXPORT", help="Folder of an export.", show_default=False)
    ],
    beam: Annotated[int, typer.Option(min=1, help="Beam width; 1 is greedy.")] = 5,
) -> None:
    """Translate the sentences on stdin, one per line, and write one translation per line."""
    from search.exports.translate import Translator

    translator = Translator(export)
    answer_stdin(lambda sentences: translator.translate(sentences, beam=beam))


def answer_stdin(answer: Callable[[Iterable[str]], Iterable[str]]) -> None:
    """Write what ``answer`` makes of the lines on stdin, a line each.

    Raises:
        UserError: stdin is not UTF-8.
    """
    import io
    import sys

    from search.exports.translate import sentences_of
    from search.study.console import say, write
    from spaces.errors import UserError

    # Strict: without a locale, Python's default accepts bytes that are not UTF-8.
    lines = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="strict", newline="\n")
    try:
        for line in answer(sentences_of(lines)):
            (say if sys.stdout.isatty() else write)(line)
    except UnicodeDecodeError as error:
        raise UserError(
            f"stdin: byte {error.object[error.start]:#04x} is not UTF-8; convert the text first, "
            "e.g. with iconv -f latin1 -t utf-8"
        ) from error
