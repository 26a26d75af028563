"""``reservoir-search resume``: continuation of a study."""

from __future__ import annotations

from typing import Annotated

import typer

from search.commands.options import Address, For, StudyName
from search.study.console import doing
from spaces.errors import UserError


def resume(
    study: StudyName,
    ids: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="[ID]", help="Failed trials, for --retry-failed.", min=0, show_default=False
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="New total of trials, to extend a study."),
    ] = None,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Train failed trials again: those named, or all if none is."
        ),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Change a limit, e.g. search.timeout=8h or budget.updates=2000."
        ),
    ] = None,
    for_: For = None,
    address: Address = None,
) -> None:
    """Continue a study after Ctrl-C or a crash, or give a finished one more trials or time.

    Interrupted trials continue from their last checkpoint; no candidate is
    trained twice, except failed ones with --retry-failed. Safe to repeat.
    """
    with doing("loading torch, Ray and MLflow"):
        from search.report.study_result import print_result
        from search.run.driver import resume_study
        from search.study.folder import find_study

    if ids and not retry_failed:
        raise UserError(f"resume {study} {ids[0]}: trials are named with --retry-failed; add it")
    retried = tuple(ids or ()) if retry_failed else None
    print_result(
        resume_study(
            find_study(study),
            n_trials=trials,
            settings=settings or (),
            retried=retried,
            address=address,
            deadline=for_,
        )
    )
