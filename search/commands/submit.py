"""``reservoir-search submit``: a command as a job on a Ray cluster."""

from __future__ import annotations

from typing import Annotated

import typer

Dashboard = Annotated[
    str,
    typer.Option(
        "--address",
        help="Address of Ray's dashboard, http://HOST:8265 (not the cluster address of run).",
        show_default=False,
    ),
]

FolderThere = Annotated[
    str,
    typer.Option(
        "--folder",
        help="Folder on the cluster's head for data and studies, on a permanent disk.",
        show_default=False,
    ),
]


def submit(
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND",
            help="Command to run there, after --: run STUDY.toml, resume NAME, show NAME, …",
            show_default=False,
        ),
    ],
    address: Dashboard,
    folder: FolderThere,
) -> None:
    """Run a command on a Ray cluster and follow its log; Ctrl-C only stops following.

    The code, a study file of this machine and its variables of MLflow and AWS are
    sent along. The exit code is that of the command.
    """
    from search.cluster.job import submit_job

    submit_job(command, address=address, folder=folder)
