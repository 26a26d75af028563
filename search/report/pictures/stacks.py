"""Drawings of layouts as stacks, for a paper."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from search.report.colours import LIGHT
from search.report.pictures.canvas import new_figure
from search.report.stack import Box, boxes
from search.study.trial_record import TrialRecord

_WIDTH = 0.8  # of a box; a layer is 1 high


def stacks_figure(records: Sequence[TrialRecord]) -> Figure:
    """Encoders side by side on one floor; frozen layers are hatched."""
    tallest = max(record.encoder.depth for record in records)
    figure = new_figure(0.9 * len(records) + 0.4, 0.26 * tallest + 0.7)
    axes = figure.add_subplot()
    for place, record in enumerate(records):
        for box in boxes(record.encoder):
            _plot_box(axes, box, place)
        axes.text(place, -0.25, f"{record.id}", ha="center", va="top", fontsize=8)
    axes.set_xlim(-0.6, len(records) - 0.4)
    axes.set_ylim(-1.0, tallest + 0.1)
    axes.set_axis_off()
    return figure


def _plot_box(axes: Axes, box: Box, place: int) -> None:
    axes.add_patch(
        Rectangle(
            (place - _WIDTH / 2, box.depth + 0.05),
            _WIDTH,
            0.9,
            facecolor=LIGHT[box.colour],
            edgecolor=LIGHT["muted"],
            linewidth=0.7,
            hatch="////" if box.is_frozen else None,
        )
    )
    plate = {"facecolor": LIGHT[box.colour], "edgecolor": "none", "pad": 1.5}
    middle = box.depth + 0.5
    axes.text(place, middle, box.text, ha="center", va="center", fontsize=8, bbox=plate)
