"""``reservoir-search confirm``: the best layouts over more seeds."""

from __future__ import annotations

from typing import Annotated

import typer

from search.commands.options import Address, For, StudyName
from search.study.console import doing, output, say_sentence


def confirm(
    study: StudyName,
    top: Annotated[int, typer.Option(min=1, help="Number of the best layouts to train again.")] = 3,
    seeds: Annotated[int, typer.Option(min=2, help="At most this many seeds for each layout.")] = 8,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="Encoder to compare with, as LLLL or model0; if absent, as many learned layers "
            "as the best layout has, without sharing.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="A further encoder to compare with; may be repeated."),
    ] = None,
    for_: For = None,
    address: Address = None,
) -> None:
    """Train the best layouts and a baseline with more seeds, until one is significantly best.

    It ends when one layout is significantly better than all others, or after
    --seeds seeds. Safe to interrupt: the same command continues. Results are in
    studies/NAME/confirm, in MLflow, and in the report.
    """
    with doing("loading torch, Ray and MLflow"):
        from search.replicates.confirm import confirm_study
        from search.replicates.confirm_table import confirm_table
        from search.replicates.verdict import verdict
        from search.study.folder import find_study

    confirmation = confirm_study(
        find_study(study),
        n_best=top,
        n_seeds=seeds,
        baseline=baseline,
        against=against or [],
        address=address,
        deadline=for_,
    )
    console = output()
    console.print(confirm_table(confirmation, console.width))
    for line in verdict(confirmation):
        say_sentence(line)
