"""``reservoir-search ui``: MLflow's web interface on a study's store."""

from __future__ import annotations

from typing import Annotated

import typer

from search.commands.options import StudyName


def ui(
    study: StudyName,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 5000,
) -> None:
    """Serve MLflow's UI of a study's own store, for this machine alone; Ctrl-C ends it.

    Prints the address, and the user and password that the browser asks for. For a
    study that is recorded on an MLflow server, only prints the address there.
    """
    from search.study.folder import find_study
    from search.tracking.mlflow_ui import serve

    serve(find_study(study), port)
