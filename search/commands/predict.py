"""``reservoir-search predict``: raw sentences in, labels or filled masks out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def predict(
    export: Annotated[
        Path, typer.Argument(metavar="EXPORT", help="Folder of an export.", show_default=False)
    ],
) -> None:
    """Answer the sentences on stdin, one per line: a label with its probability, a filled mask."""
    from search.commands.translate import answer_stdin
    from search.exports.predict import Predictor

    answer_stdin(Predictor(export).answers)
