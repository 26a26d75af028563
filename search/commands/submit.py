"""``reservoir-search submit``: a command as a job on a Ray cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from search.cluster.job_command import TRAINING, JobCommand, StudyFileHere
from search.study.study_file import study_file

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
    context: typer.Context,
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

    submit_job(_job_command(context, command), address=address, folder=folder)


def _job_command(context: typer.Context, words: Sequence[str]) -> JobCommand:
    """The command of ``words``, as the parser of that command reads them.

    Raises:
        UserError: its study file of this machine, or a setting put over it, cannot be read.
    """
    from search.study.config import put_setting, study_values

    given = _given(context, words)
    study, file = given.get("study"), None
    if words[0] == "reproduce":
        study = given["name"] or f"reproduce-{given['preset']}"
    elif words[0] == "run" and study is not None:
        path = study_file(study)
        if path.is_file():
            file = StudyFileHere(word=study, path=path)
        values = {"name": path.stem} if file is None else study_values(path)
        for setting in given["settings"] or ():
            put_setting(values, setting)
        study = str(values["name"])
    return JobCommand(words=tuple(words), study_file=file, study=study, time=given.get("for_"))


def _given(context: typer.Context, words: Sequence[str]) -> Mapping[str, Any]:
    """Values of a training command's parameters, as text; empty for another command.

    What the command would refuse is left out: the cluster says so.
    """
    group = context.find_root().command
    command = group.get_command(context, words[0]) if isinstance(group, TyperGroup) else None
    if command is None or words[0] not in TRAINING:
        return {}
    lenient = typer.Context(command, resilient_parsing=True)
    given, _, _ = command.make_parser(lenient).parse_args(list(words[1:]))
    return {str(parameter.name): parameter.default for parameter in command.params} | given
