"""``reservoir-search reproduce``: the paper's experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.commands.options import Address


def reproduce(
    preset: Annotated[
        str,
        typer.Option(
            help="small: Multi30k, about an hour on two cores; iwslt14: the paper's settings."
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
    address: Address = None,
) -> None:
    """Train the paper's Models 0 to 4 with several seeds and print its tables.

    Safe to interrupt: the same command continues. The tables, their CSV and the
    figure are in studies/NAME/reproduce.
    """
    from search.replicates.reproduce import ReproductionOptions, reproduce_study
    from search.replicates.reproduction import measured_models, write_results
    from search.study.console import say

    folder = reproduce_study(
        ReproductionOptions(
            preset=preset,
            n_seeds=seeds,
            name=name,
            data=data,
            settings=settings or [],
            by_test=by_test,
        ),
        address=address,
    )
    place = write_results(folder, measured_models(folder))
    say((place / "tables.md").read_text(encoding="utf-8"))
    say(f"written: {place}")
