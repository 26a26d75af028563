"""Figure of an encoder's dynamics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from search.dynamics.measured import DynamicsReport
from spaces.errors import UserError
from trainable.dynamics.measure import Dynamics

# Colours that people with any colour vision tell apart (Okabe and Ito 2008).
COLOURS = {"trained": "#0072B2", "untrained": "#D55E00"}

# One panel a line: title, measure, label of the vertical axis.
PANELS = (
    ("Maximal Lyapunov exponent, from depth 0", "lyapunov", "ln per layer"),
    ("Exponent of each layer", "lyapunov_of_layer", "ln per layer"),
    ("Token spread", "relative_token_spread", "share of the state's norm"),
    ("Offset kept from the depth before", "offset_kept", "cosine"),
    ("Distance growth between tokens", "token_distance_growth", "ln of growth since depth 0"),
    ("Effective dimension of a sentence", "effective_dimension", "dimensions"),
)


def check_png(path: Path) -> None:
    """Check that a PNG file can be written, before anything is measured.

    Raises:
        UserError: ``path`` is a folder, or its folder does not exist.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(f"--png {path}: must be a file in a folder that exists; name another")


def write_dynamics_png(report: DynamicsReport, path: Path) -> None:
    """Write a PNG file: each measure over the depth, median and quartiles over the sentences."""
    figure = Figure(figsize=(12, 9.5), layout="constrained")
    FigureCanvasAgg(figure)  # no pyplot: its state is global
    grid = figure.subplots(3, 3).flatten()
    for axes, (title, measure, unit) in zip(grid, PANELS, strict=False):
        _plot_panel(axes, report, measure)
        axes.set_title(title, fontsize=10)
        axes.set_ylabel(unit)
    grid[2].set_yscale("log")
    _plot_passes(grid[6], report)
    _plot_spectrum(grid[7], report)
    _plot_pooled(grid[8], report)
    grid[0].legend(fontsize=8)
    subject = report.subject
    figure.suptitle(
        f"{subject.config.encoder}, {subject.config.norm}-norm, reservoir gain "
        f"{subject.config.reservoir_gain:g}: {report.n_sentences} sentences, median and quartiles; "
        "the dotted line is the trained depth",
        fontsize=11,
    )
    figure.savefig(path, format="png", dpi=110)


def _plot_panel(axes: Axes, report: DynamicsReport, measure: str) -> None:
    for state, dynamics in report.models.items():
        _plot_band(axes, dynamics, measure, state)
    if measure == "lyapunov":
        for dynamics in report.models.values():
            twin = dynamics.bands["lyapunov_twin"].median.numpy()
            axes.plot(twin, linestyle="none", marker="x", markersize=4, color="black")
        axes.plot([], [], linestyle="none", marker="x", color="black", label="by twin trajectories")
    if measure.startswith("lyapunov"):
        axes.axhline(0, color="black", linewidth=0.8)
    _mark_depth(axes, report)


def _plot_band(axes: Axes, dynamics: Dynamics, measure: str, state: str) -> None:
    band = dynamics.bands[measure]
    median, lower, upper = (x.numpy() for x in (band.median, band.lower, band.upper))
    places = np.arange(len(median))
    axes.plot(places, median, color=COLOURS[state], label=state)
    axes.fill_between(places, lower, upper, color=COLOURS[state], alpha=0.2, linewidth=0)


def _plot_passes(axes: Axes, report: DynamicsReport) -> None:
    for state, dynamics in report.models.items():
        _plot_band(axes, dynamics, "lyapunov_of_pass", state)
        passes = dynamics.bands["lyapunov_of_pass"].median.numpy()
        axes.plot(passes, linestyle="none", marker="o", markersize=4, color=COLOURS[state])
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(range(1, report.n_passes + 1))
    axes.set_title("Exponent of each pass through the layers", fontsize=10)
    axes.set_xlabel("pass")
    axes.set_ylabel("ln per layer")


def _plot_spectrum(axes: Axes, report: DynamicsReport) -> None:
    places = range(1, report.n_exponents + 1)
    for depth, style in (
        (report.layout.depth, "o-"),
        (report.layout.depth * report.n_passes, "s--"),
    ):
        for state, dynamics in report.models.items():
            values = dynamics.bands["spectrum"].median[depth].numpy()
            axes.plot(places, values, style, color=COLOURS[state], label=f"{state}, depth {depth}")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(places)
    axes.legend(fontsize=8)
    axes.set_title("Spectrum, from depth 0", fontsize=10)
    axes.set_xlabel("exponent, the largest first")
    axes.set_ylabel("ln per layer")


def _plot_pooled(axes: Axes, report: DynamicsReport) -> None:
    for state, dynamics in report.models.items():
        axes.plot(dynamics.pooled_dimension.numpy(), color=COLOURS[state])
    _mark_depth(axes, report)
    axes.set_title("Effective dimension of all sentences together", fontsize=10)
    axes.set_ylabel("dimensions")


def _mark_depth(axes: Axes, report: DynamicsReport) -> None:
    axes.axvline(report.layout.depth, color="grey", linestyle=":", linewidth=1)
    axes.set_xlabel("depth")
