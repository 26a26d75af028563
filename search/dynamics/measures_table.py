"""An encoder's dynamics as JSON for programs and as tables for people."""

from __future__ import annotations

import math
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from torch import Tensor

from search.dynamics.measured import DynamicsReport
from search.study.console import output
from trainable.dynamics.measure import Band, Dynamics

# Heading, measure, format; a cell is the median over the sentences.
COLUMNS = (
    ("twin", "lyapunov_twin", "+.3f"),
    ("this layer", "lyapunov_of_layer", "+.3f"),
    ("norm", "state_norm", ".3g"),
    ("spread", "relative_token_spread", ".2e"),
    ("offset kept", "offset_kept", ".3f"),
    ("distance", "token_distance_growth", "+.2f"),
    ("dimension", "effective_dimension", ".2f"),
)


def dynamics_json(report: DynamicsReport) -> dict[str, Any]:
    """Settings and the curves of each model; a value's place in its list is its depth."""
    subject = report.subject
    return {
        "subject": subject.name,
        "encoder": str(subject.config.encoder),
        "norm": subject.config.norm,
        "reservoir_gain": subject.config.reservoir_gain,
        "reservoir_draw": subject.config.reservoir_draw,
        "seed": subject.seed,
        "data": str(subject.task.folder),
        "n_sentences": report.n_sentences,
        "n_passes": report.n_passes,
        "trained_depth": report.layout.depth,
        "models": {
            name: {
                **{measure: band.to_dict() for measure, band in dynamics.bands.items()},
                "pooled_dimension": dynamics.pooled_dimension.tolist(),
            }
            for name, dynamics in report.models.items()
        },
    }


def print_dynamics(report: DynamicsReport) -> None:
    """Print each model's table, its spectrum and the exponents of its passes."""
    console = output()
    for state, dynamics in report.models.items():
        console.print(_table(report, state, dynamics))
        console.print(*_below(report, dynamics), sep="\n", soft_wrap=True, highlight=False)
    console.print(
        "Exponents are natural logarithms per layer, mean from depth 0; distances are in units of "
        "the state's norm.\nValues are medians over the sentences, with quartiles in brackets.",
        highlight=False,
    )


def _table(report: DynamicsReport, state: str, dynamics: Dynamics) -> Table:
    subject = report.subject
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title=f"{state} {subject.config.encoder}, {subject.config.norm}-norm, "
        f"{report.n_sentences} sentences of {subject.task.folder}",
        title_justify="left",
    )
    for column in ("depth", "layer", "exponent", *(column for column, _, _ in COLUMNS)):
        table.add_column(column, justify="right", no_wrap=True)
    letters = [str(layer) for layer in report.layout.layers]
    for depth in _printed_depths(len(letters), report.n_passes):
        layer = letters[(depth - 1) % len(letters)] if depth else ""
        cells = [_cell(dynamics.bands[name].median[depth], form) for _, name, form in COLUMNS]
        exponent = _with_quartiles(dynamics.bands["lyapunov"], depth)
        table.add_row(str(depth), layer, exponent, *cells)
    return table


def _printed_depths(trained_depth: int, n_passes: int) -> list[int]:
    """Depths in the table: all of the first pass, and the end of each later pass."""
    later = [trained_depth * n for n in range(2, n_passes + 1)]
    return [*range(trained_depth + 1), *later]


def _cell(value: Tensor, form: str) -> str:
    number = float(value)
    return "" if math.isnan(number) else format(number, form)


def _with_quartiles(band: Band, depth: int) -> str:
    if depth == 0:
        return ""
    lower, median, upper = (_cell(x[depth], "+.3f") for x in (band.lower, band.median, band.upper))
    return f"{median} [{lower} {upper}]"


def _below(report: DynamicsReport, dynamics: Dynamics) -> list[str]:
    """Lines below a table: spectra at the trained depth and at the end, exponents by pass."""
    trained_depth = report.layout.depth
    last_depth = trained_depth * report.n_passes
    spectrum = dynamics.bands["spectrum"].median
    passes = dynamics.bands["lyapunov_of_pass"]
    one_by_one = " ".join(f"{value:+.3f}" for value in passes.median[1:])
    lines = [
        f"spectrum to depth {depth}: " + " ".join(f"{value:+.3f}" for value in spectrum[depth])
        for depth in sorted({trained_depth, last_depth})
    ]
    return [*lines, f"pass by pass: {one_by_one} ({verdict(passes)})", ""]


def verdict(passes: Band) -> str:
    """Trend of the exponents over the passes; a pass counts where both quartiles agree."""
    expands = (passes.lower[1:] > 0).tolist()
    contracts = (passes.upper[1:] < 0).tolist()
    if all(expands):
        return "expands throughout"
    if all(contracts):
        return "contracts throughout"
    if expands[0] and contracts[-1] and not any(expands[contracts.index(True) :]):
        return "expands at first and contracts at the end, a transient"
    return "neither expands nor contracts throughout"
