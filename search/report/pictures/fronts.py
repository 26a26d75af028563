"""Pareto fronts of AUCC and parameters, for a paper."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from search.report.colours import LIGHT
from search.report.fronts import Front
from search.report.pictures.canvas import new_figure, plain


def fronts_figure(fronts: Sequence[Front], unit: str) -> Figure:
    """Panels for all parameter counts, with a common AUCC axis."""
    figure = new_figure(2.4 * len(fronts) + 0.6, 2.8)
    panels = figure.subplots(1, len(fronts), sharey=True, squeeze=False)[0]
    for axes, front in zip(panels, fronts, strict=True):
        plain(axes)
        areas = [record.aucc for record in front.trials]
        axes.plot(front.sizes, areas, "o", color=LIGHT["rest"], markersize=3)
        axes.step(
            *zip(*front.steps, strict=True),
            where="post",
            color=LIGHT["series-1"],
            marker="o",
            markersize=4,
            linewidth=1.4,
        )
        axes.set_xlabel(f"{front.title} parameters (M)", fontsize=8)
    panels[0].set_ylabel(f"AUCC ({unit})", fontsize=8)
    return figure
