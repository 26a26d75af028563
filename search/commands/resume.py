"""``reservoir-search resume``: go on with a study."""

from __future__ import annotations

from typing import Annotated

import typer

from search.commands.options import Address, StudyName


def resume(
    study: StudyName,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="Trials in all, to give a finished study more."),
    ] = None,
    address: Address = None,
) -> None:
    """Go on after Ctrl-C or a crash, or give a finished study more trials.

    Interrupted trials go on from their last checkpoint; nothing is trained
    twice. Safe to repeat.
    """
    from search.report.study_result import print_result
    from search.run.driver import resume_study
    from search.study.folder import find_study

    print_result(resume_study(find_study(study), n_trials=trials, address=address))
