"""``reservoir-search submit``: a command as a job on a Ray cluster."""

from __future__ import annotations

from typing import Annotated

import typer


def submit(
    command: Annotated[
        list[str],
        typer.Argument(
            help="What to run there, behind --: run STUDY.toml, resume NAME, show NAME, …",
            show_default=False,
        ),
    ],
    address: Annotated[
        str, typer.Option(help="Ray's dashboard: http://HOST:8265.", show_default=False)
    ],
    folder: Annotated[
        str,
        typer.Option(
            help="Folder of the cluster's head with data and studies, on a disk that lasts.",
            show_default=False,
        ),
    ],
) -> None:
    """Run a command on a Ray cluster and follow its log; Ctrl-C only stops following.

    A study file of this machine travels along, and so does the code. The exit
    code is the command's.
    """
    from search.cluster.job import submit_job

    submit_job(command, address=address, folder=folder)
