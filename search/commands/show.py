"""``reservoir-search show``: the trials of a study."""

from __future__ import annotations

from typing import Annotated

import typer

from search.commands.options import StudyName


def show(
    study: StudyName,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show a study's trials, best layout and Pareto front of AUCC against parameters."""
    from search.report.study_result import print_verdict
    from search.report.trials_table import print_standing, study_json, study_table
    from search.study.console import say_json
    from search.study.folder import find_study
    from search.study.ledger import sorted_records

    folder = find_study(study)
    if as_json:
        say_json(study_json(folder))
    else:
        study_table(folder)
        print_standing(folder)
        print_verdict(folder.config(), sorted_records(folder.trials))
