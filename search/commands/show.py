"""``reservoir-search show``: the trials of a study."""

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


def show(
    study: StudyName,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print all trials as CSV, for spreadsheets.")
    ] = False,
    address: StudysDashboard = None,
    folder: StudysFolderThere = None,
) -> None:
    """Show a study's trials, best layout and Pareto front of AUCC against parameters."""
    from search.report.study_result import print_verdict
    from search.report.trials_csv import trials_csv
    from search.report.trials_table import (
        print_disk_usage,
        print_standing,
        study_json,
        study_table,
    )
    from search.study.console import say, say_json
    from search.study.ledger import sorted_records

    if as_json and as_csv:
        raise UserError("--json --csv: give one of them")
    with study_here_or_there(study, address, folder) as found:
        if as_json:
            say_json(study_json(found))
        elif as_csv:
            say(trials_csv(sorted_records(found.trials)), end="")
        else:
            study_table(found)
            if address is None:
                print_disk_usage(found)
            print_standing(found)
            print_verdict(found.config(), sorted_records(found.trials))
