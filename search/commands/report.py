"""``reservoir-search report``: a study as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.commands.options import (
    StudyName,
    StudysDashboard,
    StudysFolderThere,
    study_here_or_there,
)


def report(
    study: StudyName,
    out: Annotated[
        Path | None,
        typer.Option(
            help="HTML file; report.html in the study's folder if absent, of a study on a "
            "cluster NAME.html here."
        ),
    ] = None,
    png: Annotated[
        Path | None, typer.Option(help="Folder for the figures as PNG, for papers.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Another study here to show beside it, by name or folder."),
    ] = None,
    address: StudysDashboard = None,
    folder: StudysFolderThere = None,
) -> None:
    """Write a study as one HTML page: winner, layouts, curves, fronts, all trials, settings.

    The page needs no network. An earlier page is replaced.
    """
    from search.report.page import write_report
    from search.study.console import say
    from search.study.folder import find_study

    other = None if against is None else find_study(against)
    with study_here_or_there(study, address, folder) as found:
        here = None if address is None else Path(f"{found.path.name}.html")
        for path in write_report(found, out or here, png, other):
            say(path)
