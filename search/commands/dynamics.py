"""``reservoir-search dynamics``: an encoder as a dynamical system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spaces.dimensions import Norm
from spaces.presets import PAPER_SIZES
from trainable.config import Way

LAYOUT_ALONE = "of a LAYOUT; an export has its own"


def dynamics(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="EXPORT|LAYOUT",
            help="Folder of an export, or an encoder as R1LR1L or (R1L)*4, or a preset.",
            show_default=False,
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(help="Prepared data; that of its training if absent, for an export."),
    ] = None,
    sentences: Annotated[int, typer.Option(min=1, help="Validation sentences.")] = 16,
    passes: Annotated[
        int, typer.Option(min=1, help="Times the layers are gone through; 1 is as trained.")
    ] = 4,
    exponents: Annotated[int, typer.Option(min=1, help="Exponents of the spectrum.")] = 4,
    seed: Annotated[
        int | None, typer.Option(min=0, help=f"Of the weights, 1 if absent; {LAYOUT_ALONE}.")
    ] = None,
    d_model: Annotated[
        int | None, typer.Option(help=f"Width, {PAPER_SIZES.d_model} if absent; {LAYOUT_ALONE}.")
    ] = None,
    ffn: Annotated[
        int | None, typer.Option(help=f"Inner width, {PAPER_SIZES.ffn} if absent; {LAYOUT_ALONE}.")
    ] = None,
    heads: Annotated[
        int | None,
        typer.Option(help=f"Attention heads, {PAPER_SIZES.heads} if absent; {LAYOUT_ALONE}."),
    ] = None,
    norm: Annotated[
        Norm | None, typer.Option(help=f"LayerNorms, {PAPER_SIZES.norm} if absent; {LAYOUT_ALONE}.")
    ] = None,
    reservoir_gain: Annotated[
        float | None,
        typer.Option(help=f"Factor on the reservoirs' weights, 1 if absent; {LAYOUT_ALONE}."),
    ] = None,
    reservoir_draw: Annotated[
        Way | None, typer.Option(help=f"How they are drawn, xavier if absent; {LAYOUT_ALONE}.")
    ] = None,
    reservoir_density: Annotated[
        float | None,
        typer.Option(help=f"Share of sparse ones that is kept, 0.1 if absent; {LAYOUT_ALONE}."),
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Draw the curves into this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Does an encoder expand or contract? Lyapunov exponents, synchronisation, dimension.

    Layer by layer as trained, and beyond by going through the layers again. An
    export is measured with its weights and, untrained, with those it started
    from; a layout is untrained. What the numbers mean: docs/dynamics.md.

        reservoir-search dynamics studies/quickstart/export --png dynamics.png

        reservoir-search dynamics model2 --data data/grammar --reservoir-gain 4
    """
    import json

    from search.dynamics.figure import check_png, write_dynamics_png
    from search.dynamics.measured import measure_subject
    from search.dynamics.measures_table import dynamics_json, print_dynamics
    from search.dynamics.subject import open_subject

    if png is not None:
        check_png(png)
    options = {
        "seed": seed,
        "d_model": d_model,
        "ffn": ffn,
        "heads": heads,
        "norm": norm,
        "reservoir_gain": reservoir_gain,
        "reservoir_draw": reservoir_draw,
        "reservoir_density": reservoir_density,
    }
    report = measure_subject(
        open_subject(subject, data=data, options=options),
        n_sentences=sentences,
        n_passes=passes,
        n_exponents=exponents,
    )
    if png is not None:
        write_dynamics_png(report, png)
    if as_json:
        print(json.dumps(dynamics_json(report), indent=2))
    else:
        print_dynamics(report)
