"""``reservoir-search reproduce``: the paper's experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.commands.options import Address, For
from search.study.console import doing


def reproduce(
    preset: Annotated[
        str,
        typer.Option(
            help="small (or small-post-norm): Multi30k, about an hour on two cores; tatoeba, "
            "iwslt14 (or with -pre-norm): the paper's size, on a GPU."
        ),
    ] = "small",
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds of each model.")] = 4,
    data: Annotated[
        Path | None,
        typer.Option(help="Prepared data; the preset's if absent.", show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the study; reproduce-PRESET if absent.", show_default=False),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a setting of the preset, e.g. budget.updates=500."),
    ] = None,
    by_test: Annotated[
        bool, typer.Option("--by-test", help="Validate on the test set, as the paper does.")
    ] = False,
    for_: For = None,
    address: Address = None,
) -> None:
    """Train the paper's Models 0 to 4 with several seeds and print its tables.

    Safe to interrupt: the same command continues, and --for ends it in time.
    The tables, their CSV and the figure are in studies/NAME/reproduce; with
    --for they are of all trials so far.
    """
    with doing("loading torch, Ray and MLflow"):
        from search.replicates.reproduce import (
            ReproductionOptions,
            reproduce_study,
            reproduction_folder,
        )
        from search.replicates.reproduction import print_results
        from search.study.errors import NotFinished

    options = ReproductionOptions(
        preset=preset,
        n_seeds=seeds,
        name=name,
        data=data,
        settings=settings or [],
        by_test=by_test,
    )
    try:
        reproduce_study(options, address=address, deadline=for_)
    except NotFinished:
        print_results(reproduction_folder(options), for_)
        raise
    print_results(reproduction_folder(options), for_)
