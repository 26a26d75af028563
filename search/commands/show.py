"""``reservoir-search show``: the trials of a study."""

from __future__ import annotations

from typing import Annotated

import typer

from search.commands.options import StudyName
from spaces.errors import UserError


def show(
    study: StudyName,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print all trials as CSV, for spreadsheets.")
    ] = False,
) -> None:
    """Show a study's trials, best layout and Pareto front of AUCC against parameters."""
    from search.report.study_result import print_verdict
    from search.report.trials_csv import trials_csv
    from search.report.trials_table import print_standing, study_json, study_table
    from search.study.console import say, say_json
    from search.study.folder import find_study
    from search.study.ledger import sorted_records

    folder = find_study(study)
    if as_json and as_csv:
        raise UserError("--json --csv: give one of them")
    if as_json:
        say_json(study_json(folder))
    elif as_csv:
        say(trials_csv(sorted_records(folder.trials)), end="")
    else:
        study_table(folder)
        print_standing(folder)
        print_verdict(folder.config(), sorted_records(folder.trials))
