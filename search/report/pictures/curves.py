"""Convergence curves for a paper."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from search.report.clocks import TITLES
from search.report.colours import LIGHT, series
from search.report.pictures.canvas import new_figure, plain
from search.report.trial_label import trial_label
from search.study.trial_record import TrialRecord
from trainable.config import Clock

_MARKERS = ("o", "s", "D", "^", "x")


def curves_figure(
    few: Sequence[TrialRecord], rest: Sequence[TrialRecord], clock: Clock, metric: str
) -> Figure:
    """Validation scores over ``clock``: ``few`` in colour, ``rest`` grey."""
    figure = new_figure(6.0, 3.6)
    axes = figure.add_subplot()
    plain(axes)
    for record in rest:
        axes.plot(*_line(record, clock), color=LIGHT["rest"], linewidth=0.6, alpha=0.7)
    for number, record in enumerate(few):
        axes.plot(
            *_line(record, clock),
            color=LIGHT[series(number)],
            linewidth=1.4,
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=3.5,
            label=trial_label(record),
        )
    axes.set_xlabel(TITLES[clock], fontsize=9)
    axes.set_ylabel(f"validation {metric}", fontsize=9)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    if few:
        axes.legend(fontsize=7, frameon=False, loc="upper left")
    return figure


def _line(record: TrialRecord, clock: Clock) -> tuple[list[float], list[float]]:
    return [point.at(clock) for point in record.curve], [point.score for point in record.curve]
