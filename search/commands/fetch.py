"""``reservoir-search fetch``: a study of a cluster, brought here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.commands.submit import Dashboard, FolderThere


def fetch(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY", help="Name or folder of a study on the cluster.", show_default=False
        ),
    ],
    address: Dashboard,
    folder: FolderThere,
    out: Annotated[Path | None, typer.Option(help="Folder here; studies/NAME if absent.")] = None,
) -> None:
    """Bring a study's records, report and export here from a Ray cluster; again to refresh.

    Then show, report, rank and translate work here; its checkpoints and MLflow's
    store stay there, so resume is for submit, and export takes --address.
    """
    from search.cluster.fetch import fetch_study
    from search.study.console import say
    from search.study.folder import StudyFolder

    here = StudyFolder(fetch_study(study, address=address, folder=folder, out=out))
    say(f"fetched: {here.path}")
    say(f"  show it: reservoir-search show {here.argument}")
