"""``reservoir-search translate``: raw sentences in, translations out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trainable.decoding import Hypothesis

Answer = Callable[[Iterable[str]], Iterable[str]]


def translate(
    export: Annotated[
        Path, typer.Argument(metavar="EXPORT", help="Folder of an export.", show_default=False)
    ],
    beam: Annotated[int, typer.Option(min=1, help="Beam width; 1 is greedy.")] = 5,
    nbest: Annotated[
        int | None,
        typer.Option(
            min=1, help="Write this many translations a line, best first, after the line's number."
        ),
    ] = None,
    scores: Annotated[
        bool,
        typer.Option("--scores", help="Write the mean log-probability of a token before each."),
    ] = False,
) -> None:
    """Translate the sentences on stdin, one per line, and write one translation per line.

    At a terminal it asks for them and answers each at once; Ctrl-D ends it.
    """
    from search.exports.translate import Translator
    from spaces.errors import UserError

    if nbest is not None and nbest > beam:
        raise UserError(
            f"--nbest {nbest}: is more than the beam finds; give --beam {nbest} or more"
        )
    translator = Translator(export)
    if nbest is None and not scores:
        answer_stdin(
            lambda sentences: translator.translate(sentences, beam=beam),
            notes=translator.unknown.report,
        )
    else:
        answer_stdin(
            lambda sentences: _tables(
                translator.n_best(sentences, beam=beam, n_best=nbest or 1),
                numbers=nbest is not None,
                scores=scores,
            ),
            notes=translator.unknown.report,
        )


def answer_stdin(answer: Answer, *, notes: Callable[[], Iterable[str]] = tuple) -> None:
    """Write what ``answer`` makes of the lines on stdin: for each a line, or several.

    Args:
        answer: answers of sentences, in order.
        notes: lines for standard error on the sentences since the last call; asked for at the
            end, at a terminal after each answer.

    Raises:
        UserError: stdin is not UTF-8.
    """
    import io
    import sys

    from search.exports.translate import sentences_of, with_progress
    from search.study.console import say, tell, write

    if sys.stdin.isatty() and sys.stdout.isatty():
        _converse(answer, notes)
        return
    # ``sentences_of`` refuses what is not UTF-8, with its line; a carriage return ends no line.
    lines = io.TextIOWrapper(
        sys.stdin.buffer, encoding="utf-8", errors="surrogateescape", newline="\n"
    )
    answers = answer(sentences_of(lines))
    if sys.stderr.isatty() and not sys.stdout.isatty():
        answers = with_progress(answers, tell)
    for line in answers:
        (say if sys.stdout.isatty() else write)(line)
    for note in notes():
        tell(note)


def _converse(answer: Answer, notes: Callable[[], Iterable[str]]) -> None:
    """Ask for sentences at the terminal, and answer each before the next."""
    from search.study.console import say, tell

    tell("a sentence a line; Ctrl-D ends")
    while True:
        try:
            line = input("> ")
        except EOFError:
            say()
            return
        for text in answer([line]):
            say(text)
        for note in notes():
            tell(note)


def _tables(found: Iterable[Sequence[Hypothesis]], *, numbers: bool, scores: bool) -> Iterator[str]:
    """For each sentence the lines of its hypotheses, with columns before them."""
    for number, hypotheses in enumerate(found, start=1):
        first = [str(number)] if numbers else []
        yield "\n".join(
            "\t".join([*first, *([f"{one.score:.4f}"] if scores else []), one.text])
            for one in hypotheses
        )
