"""Arguments and options of several commands."""

from __future__ import annotations

from typing import Annotated

import typer

from search.run.deadline import Deadline

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

For = Annotated[
    Deadline | None,
    typer.Option(
        "--for",
        parser=Deadline.after,
        metavar="TIME",
        help="End within 90s, 9m or 1h, finished or not (exit code 75), to continue later.",
        show_default=False,
    ),
]
