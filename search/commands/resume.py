"""``reservoir-search resume``: continuation of a study."""

from __future__ import annotations

from typing import Annotated

import typer

from search.commands.options import Address, For, StudyName


def resume(
    study: StudyName,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="New total of trials, to extend a study."),
    ] = None,
    for_: For = None,
    address: Address = None,
) -> None:
    """Continue a study after Ctrl-C or a crash, or give a finished one more trials.

    Interrupted trials continue from their last checkpoint; no candidate is
    trained twice. Safe to repeat.
    """
    from search.report.study_result import print_result
    from search.run.driver import resume_study
    from search.study.folder import find_study

    folder = find_study(study)
    print_result(resume_study(folder, n_trials=trials, address=address, deadline=for_))
