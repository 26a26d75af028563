"""``reservoir-search rank``: a study's trials by another objective."""

from __future__ import annotations

from typing import Annotated

import typer

from search.commands.options import StudyName


def rank(
    study: StudyName,
    objectives: Annotated[
        list[str] | None,
        typer.Option(
            "--objective",
            metavar="NAME",
            help="aucc, score, loss, …, or an expression such as 'score - 0.5 * mparams_total'; "
            "given twice or three times, a front. The study's own if absent.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A further setting of [objective], e.g. parameters=learned."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Rank a study's trials anew by any objective, from their curves; nothing is trained."""
    from search.report.rank_table import print_ranking, rank_study, ranking_json
    from search.study.console import say_json
    from search.study.folder import find_study

    ranking = rank_study(find_study(study), objectives or [], settings or [])
    if as_json:
        say_json(ranking_json(ranking))
    else:
        print_ranking(ranking)
