"""``reservoir-search report``: a study as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.commands.options import StudyName


def report(
    study: StudyName,
    out: Annotated[
        Path | None,
        typer.Option(help="HTML file; report.html in the study's folder if absent."),
    ] = None,
    png: Annotated[
        Path | None, typer.Option(help="Folder for the figures as PNG, for papers.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Another study to show beside it, by name or folder."),
    ] = None,
) -> None:
    """Write a study as one HTML page: winner, layouts, curves, fronts, all trials, settings.

    The page needs no network. An earlier page is replaced.
    """
    from search.report.page import write_report
    from search.study.console import say
    from search.study.folder import find_study

    other = None if against is None else find_study(against)
    for path in write_report(find_study(study), out, png, other):
        say(path)
