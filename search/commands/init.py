"""``reservoir-search init``: a study file to begin with."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer


def init(
    study: Annotated[
        Path,
        typer.Argument(metavar="STUDY.toml", help="New study file.", show_default=False),
    ],
) -> None:
    """Write a study file with every setting, its default and what it means, to be edited."""
    from search.study.console import say
    from search.study.new_file import write_study_file

    write_study_file(study)
    say(f"wrote {study}: set data and [space], then")
    say(f"  check it:  reservoir-search validate {quote(str(study))}")
    say(f"  start it:  reservoir-search run {quote(str(study))}")
