"""``reservoir-search list``: the studies here."""

from __future__ import annotations

from typing import Annotated

import typer


def list_studies(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List the studies in studies/: how far each is, and its best trial."""
    from search.report.studies_table import studies_json, studies_table
    from search.study.console import say_json

    if as_json:
        say_json(studies_json())
    else:
        studies_table()
