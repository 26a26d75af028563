"""``reservoir-search predict``: raw lines in; labels, filled masks or summaries out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def predict(
    export: Annotated[
        Path, typer.Argument(metavar="EXPORT", help="Folder of an export.", show_default=False)
    ],
) -> None:
    """Answer the lines on stdin: with a label and its probability, a filled mask, or a summary.

    One line for each. At a terminal it asks for them and answers each at once; Ctrl-D ends it.
    """
    from search.commands.translate import answer_stdin
    from search.exports.predict import Predictor

    answer_stdin(Predictor(export).answers)
