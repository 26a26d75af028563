"""Common parts of the figures for papers."""

from __future__ import annotations

import io

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from search.report.colours import LIGHT

DPI = 300


def new_figure(width: float, height: float) -> Figure:
    """Empty figure; width and height in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # no pyplot: its state is global
    return figure


def plain(axes: Axes) -> None:
    """Give the axes a frame of two sides, a light grid and small type."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LIGHT["muted"])
    axes.tick_params(labelsize=8, colors=LIGHT["ink"])
    axes.grid(color=LIGHT["rule"], linewidth=0.5)
    axes.set_axisbelow(True)


def png_of(figure: Figure) -> bytes:
    """PNG file of the figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()
