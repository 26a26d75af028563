"""Importances and effects for a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from search.report.colours import LIGHT
from search.report.effects import Effect
from search.report.importances import Importance
from search.report.pictures.canvas import new_figure, plain


def importances_figure(found: Mapping[str, Importance]) -> Figure:
    """Bars of all axes with their intervals, the most important on top."""
    figure = new_figure(5.0, 0.8 + 0.26 * len(found))
    axes = figure.add_subplot()
    plain(axes)
    shares = [each.share for each in found.values()]
    errors = [
        [each.share - each.low for each in found.values()],
        [each.high - each.share for each in found.values()],
    ]
    axes.barh(
        list(found), shares, xerr=errors, color=LIGHT["series-1"], ecolor=LIGHT["ink"], height=0.6
    )
    axes.invert_yaxis()
    axes.set_xlabel("share of the variance of the objective's ranks, 95 % interval", fontsize=8)
    return figure


def effects_figure(effects: Sequence[Effect]) -> Figure:
    """Effect of each value as a dot with its confidence interval, 0 marked."""
    figure = new_figure(6.0, 0.8 + 0.26 * len(effects))
    axes = figure.add_subplot()
    plain(axes)
    for place, effect in enumerate(effects):
        if effect.low is not None and effect.high is not None:
            ends = [100 * effect.low, 100 * effect.high]
            axes.plot(ends, [place, place], color=LIGHT["series-1"], linewidth=1.4)
        axes.plot([100 * effect.ratio], [place], "o", color=LIGHT["series-1"], markersize=4)
    axes.axvline(0.0, color=LIGHT["muted"], linewidth=0.8)
    axes.set_yticks(range(len(effects)), [f"{e.axis}: {e.value}" for e in effects])
    axes.invert_yaxis()
    axes.set_xlabel("effect on the objective (%), 95 % confidence interval", fontsize=8)
    return figure
