"""``reservoir-search ui``: MLflow's web interface on a study's store."""

from __future__ import annotations

from typing import Annotated

import typer

from search.commands.options import (
    StudyName,
    StudysDashboard,
    StudysFolderThere,
    study_here_or_there,
)
from spaces.errors import UserError


def ui(
    study: StudyName,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 5000,
    address: StudysDashboard = None,
    folder: StudysFolderThere = None,
) -> None:
    """Serve MLflow's UI of a study's own store, for this machine alone; Ctrl-C ends it.

    Prints the address, and the user and password that the browser asks for. For a
    study that is recorded on an MLflow server, only prints the addresses there.
    """
    from search.tracking.mlflow_ui import serve
    from search.tracking.store import is_own, tracking_uri

    with study_here_or_there(study, address, folder) as found:
        if address is not None and is_own(tracking_uri(found.config(), found), found):
            raise UserError(
                f"ui {study}: its runs are in a file on the cluster's head, which cannot be served "
                "from here; record them on an MLflow server (MLFLOW_TRACKING_URI), or use show "
                "and report"
            )
        serve(found, port)
