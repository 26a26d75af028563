"""Arguments and options of several commands."""

from __future__ import annotations

from typing import Annotated

import typer

StudyName = Annotated[
    str,
    typer.Argument(metavar="STUDY", help="Name or folder of a study.", show_default=False),
]

Address = Annotated[
    str | None,
    typer.Option(
        help="Ray cluster to train on: auto or HOST:PORT; this machine alone if absent.",
        show_default=False,
    ),
]
