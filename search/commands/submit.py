"""``reservoir-search submit``: a command as a job on a Ray cluster."""

from __future__ import annotations

from typing import Annotated

import typer


def submit(
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND",
            help="Command to run there, after --: run STUDY.toml, resume NAME, show NAME, …",
            show_default=False,
        ),
    ],
    address: Annotated[
        str,
        typer.Option(
            help="Address of Ray's dashboard, http://HOST:8265 (not the cluster address of run).",
            show_default=False,
        ),
    ],
    folder: Annotated[
        str,
        typer.Option(
            help="Folder on the cluster's head for data and studies, on a permanent disk.",
            show_default=False,
        ),
    ],
) -> None:
    """Run a command on a Ray cluster and follow its log; Ctrl-C only stops following.

    The code and a study file of this machine are sent along. The exit code is
    that of the command.
    """
    from search.cluster.job import submit_job

    submit_job(command, address=address, folder=folder)
