"""``reservoir-search translate``: raw sentences in, translations out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from search.exports.translate import Translator


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
    """Translate the sentences on stdin, one per line, and write one translation per line."""
    import io
    import sys

    from search.exports.translate import Translator, sentences_of, with_progress
    from search.study.console import say, tell, write
    from spaces.errors import UserError

    if nbest is not None and nbest > beam:
        raise UserError(
            f"--nbest {nbest}: is more than the beam finds; give --beam {nbest} or more"
        )
    translator = Translator(export)
    # Else Python's default without a locale: bytes that are not UTF-8 pass unseen. A carriage
    # return ends no line.
    lines = io.TextIOWrapper(
        sys.stdin.buffer, encoding="utf-8", errors="surrogateescape", newline="\n"
    )
    rows = _rows(translator, sentences_of(lines), beam=beam, nbest=nbest, scores=scores)
    if sys.stderr.isatty() and not sys.stdout.isatty():
        rows = with_progress(rows, tell)
    put = say if sys.stdout.isatty() else write
    for row in chain.from_iterable(rows):
        put(row)


def _rows(
    translator: Translator,
    sentences: Iterable[str],
    *,
    beam: int,
    nbest: int | None,
    scores: bool,
) -> Iterator[list[str]]:
    """Rows for each sentence: one, or with ``nbest`` one for each of its translations."""
    if nbest is None and not scores:
        for translation in translator.translate(sentences, beam=beam):
            yield [translation]
        return
    found = translator.n_best(sentences, beam=beam, n_best=nbest or 1)
    for number, hypotheses in enumerate(found, start=1):
        first = [] if nbest is None else [str(number)]
        yield [
            "\t".join([*first, *([f"{one.score:.4f}"] if scores else []), one.text])
            for one in hypotheses
        ]
