"""``reservoir-search dynamics``: an encoder as a dynamical system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spaces.dimensions import Norm
from spaces.presets import PAPER_SIZES
from trainable.config import ReservoirDraw

LAYOUT_ONLY = "for a LAYOUT only"

Subject = Annotated[
    str,
    typer.Argument(
        metavar="EXPORT|LAYOUT",
        help="Folder of an export; or an encoder as R1LR1L or (R1L)*4, or a preset.",
        show_default=False,
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(help="Prepared data; an export's training data if absent."),
]
Sentences = Annotated[int, typer.Option(min=1, help="Number of validation sentences.")]
Passes = Annotated[
    int, typer.Option(min=1, max=100_000, help="Passes through the layers; 1 is the trained depth.")
]
Exponents = Annotated[int, typer.Option(min=1, help="Number of exponents of the spectrum.")]
Seed = Annotated[
    int | None, typer.Option(min=0, help=f"Seed of the weights, 1 if absent; {LAYOUT_ONLY}.")
]
DModel = Annotated[
    int | None,
    typer.Option(help=f"Width of the model, {PAPER_SIZES.d_model} if absent; {LAYOUT_ONLY}."),
]
Ffn = Annotated[
    int | None,
    typer.Option(
        help=f"Inner width of the feed-forward blocks, {PAPER_SIZES.ffn} if absent; {LAYOUT_ONLY}."
    ),
]
Heads = Annotated[
    int | None,
    typer.Option(help=f"Attention heads, {PAPER_SIZES.heads} if absent; {LAYOUT_ONLY}."),
]
Norms = Annotated[
    Norm | None, typer.Option(help=f"LayerNorms, {PAPER_SIZES.norm} if absent; {LAYOUT_ONLY}.")
]
Gain = Annotated[
    float | None,
    typer.Option(help=f"Factor on the reservoirs' weights, 1 if absent; {LAYOUT_ONLY}."),
]
DrawWay = Annotated[
    ReservoirDraw | None,
    typer.Option(
        metavar="DRAW",
        help="Reservoirs' initialisation: xavier, fairseq, orthogonal or sparse; xavier if absent; "
        f"{LAYOUT_ONLY}.",
    ),
]
Density = Annotated[
    float | None,
    typer.Option(help=f"Share of sparse weights that is kept, 0.1 if absent; {LAYOUT_ONLY}."),
]
Png = Annotated[Path | None, typer.Option(help="PNG file for the curves.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def dynamics(
    subject: Subject,
    data: Data = None,
    sentences: Sentences = 16,
    passes: Passes = 4,
    exponents: Exponents = 4,
    seed: Seed = None,
    d_model: DModel = None,
    ffn: Ffn = None,
    heads: Heads = None,
    norm: Norms = None,
    reservoir_gain: Gain = None,
    reservoir_draw: DrawWay = None,
    reservoir_density: Density = None,
    png: Png = None,
    as_json: AsJson = False,
) -> None:
    """Measure an encoder's dynamics: Lyapunov exponents, synchronisation, dimension.

    Measured layer by layer to the trained depth, and beyond it by passing through
    the same layers again. An export is measured trained and untrained, a layout
    untrained. The numbers are explained in docs/dynamics.md.

        reservoir-search dynamics studies/quickstart/export --png dynamics.png

        reservoir-search dynamics model2 --data data/grammar --reservoir-gain 4
    """
    from search.dynamics.figure import check_png, write_dynamics_png
    from search.dynamics.measured import measure_subject
    from search.dynamics.measures_table import dynamics_json, print_dynamics
    from search.dynamics.subject import open_subject
    from search.study.console import say_json

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
        say_json(dynamics_json(report))
    else:
        print_dynamics(report)
