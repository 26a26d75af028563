"""Arguments and options of several commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from search.run.deadline import Deadline
from search.study.folder import StudyFolder, find_study, study_names
from search.study.study_file import study_file, study_file_names
from spaces.errors import UserError


def _study_files(incomplete: str) -> list[str]:
    """Completions of a study file: names in studies/, and paths of files and folders."""
    folder, slash, begun = incomplete.rpartition("/")
    paths = [
        f"{folder}{slash}{path.name}{'/' if path.is_dir() else ''}"
        for path in Path(f"{folder}{slash}").glob("*")
        if path.name.startswith(begun) and (path.is_dir() or path.suffix == ".toml")
    ]
    return [name for name in study_file_names() if name.startswith(incomplete)] + sorted(paths)


StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="Name or folder of a study.",
        show_default=False,
        autocompletion=study_names,
    ),
]

StudyFile = Annotated[
    Path,
    typer.Argument(
        metavar="STUDY.toml",
        help="Study file; NAME alone means studies/NAME.toml.",
        parser=study_file,
        autocompletion=_study_files,
        show_default=False,
    ),
]

Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a setting of the file, e.g. train.lr=3e-4."),
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

StudysDashboard = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Ray's dashboard, http://HOST:8265, if the study is on that cluster.",
        show_default=False,
    ),
]

StudysFolderThere = Annotated[
    str | None,
    typer.Option(
        "--folder", help="With --address: folder on the cluster's head.", show_default=False
    ),
]


@contextmanager
def study_here_or_there(
    study: str, address: str | None, folder: str | None
) -> Iterator[StudyFolder]:
    """The study here, or the records of one on a cluster while the block lasts.

    Raises:
        UserError: there is none, or one of ``--address`` and ``--folder`` is missing.
        WorkFailed: the records did not come back whole.
    """
    place = both_or_none(address, folder)
    if place is None:
        yield find_study(study)
        return
    from search.cluster.fetch import fetched_records

    with fetched_records(study, address=place[0], folder=place[1]) as found:
        yield found


def both_or_none(address: str | None, folder: str | None) -> tuple[str, str] | None:
    """Address and folder of a study on a cluster; None for one here.

    Raises:
        UserError: one of them is missing.
    """
    if address is None and folder is None:
        return None
    if address is None or folder is None:
        raise UserError("--address --folder: a study on a cluster needs both; give both or none")
    return address, folder
