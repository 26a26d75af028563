"""Convergence curves on each clock: best trials in colour, all others grey."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from search.report.clocks import TITLES
from search.report.colours import series
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render
from search.report.trial_label import trial_label
from search.study.trial_record import TrialRecord
from trainable.config import CLOCKS, Clock

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = ("circle", "square", "diamond", "triangle-up", "x")


def curves(study: ReportedStudy) -> Section | None:
    """Section with the validation scores on all clocks."""
    with_curve = [record for record in study.records if record.curve]
    if not with_curve:
        return None
    few = {record.id for record in study.top_trials}
    rest = [record for record in with_curve if record.id not in few]
    body = render(
        "curves.html",
        study=study,
        clocks=CLOCKS,
        titles=TITLES,
        n_rest=len(rest),
        figure=curves_plot(study.top_trials, rest, study.clock, study.metric),
    )
    return Section(
        name="curves",
        title="Convergence",
        body=body,
        pictures={
            f"curves-{clock}": _picture(study.top_trials, rest, clock, study.metric)
            for clock in CLOCKS
        },
    )


def curves_plot(
    few: Sequence[TrialRecord], rest: Sequence[TrialRecord], clock: Clock, metric: str
) -> dict[str, Any]:
    """Figure for plotly, first on ``clock``; ``views`` has the values on the other clocks."""
    hover = f"%{{y:.2f}} {metric} at %{{x:,.4~g}} %{{xaxis.title.text}}<extra></extra>"
    traces = [_rest_trace(rest, hover), *(_trace(record, n, hover) for n, record in enumerate(few))]
    views = {
        name: {
            "x": [_rest_readings(rest, name), *(_readings(record, name) for record in few)],
            "title": TITLES[name],
        }
        for name in CLOCKS
    }
    for trace, readings in zip(traces, views[clock]["x"], strict=True):
        trace["x"] = readings
    layout = {
        "xaxis": {"title": {"text": TITLES[clock]}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": f"validation {metric}"}, "rangemode": "tozero"},
    }
    return {"data": traces, "layout": layout, "views": views}


def _trace(record: TrialRecord, number: int, hover: str) -> dict[str, Any]:
    name = trial_label(record)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "y": [point.score for point in record.curve],
        "line": {"color": f"var(--{series(number)})", "width": 2},
        "marker": {"size": 6, "symbol": MARKERS[number % len(MARKERS)]},
        "hovertemplate": f"trial {name}<br>{hover}",
    }


def _rest_trace(rest: Sequence[TrialRecord], hover: str) -> dict[str, Any]:
    """One trace for all other trials, a gap after each curve: hundreds of traces are slow."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "other trials",
        "y": _with_gaps(rest, lambda record: [point.score for point in record.curve]),
        "text": _with_gaps(
            rest,
            lambda record: [f"{trial_label(record)}, {record.state}"] * len(record.curve),
        ),
        "line": {"color": "var(--rest)", "width": 1},
        "opacity": 0.6,
        "hovertemplate": "trial %{text}<br>" + hover,
    }


def _readings(record: TrialRecord, clock: Clock) -> list[float]:
    return [point.at(clock) for point in record.curve]


def _rest_readings(rest: Sequence[TrialRecord], clock: Clock) -> list[Any]:
    return _with_gaps(rest, lambda record: _readings(record, clock))


def _with_gaps(
    rest: Sequence[TrialRecord], values: Callable[[TrialRecord], Sequence[Any]]
) -> list[Any]:
    return [value for record in rest for value in (*values(record), None)]


def _picture(
    few: Sequence[TrialRecord], rest: Sequence[TrialRecord], clock: Clock, metric: str
) -> Callable[[], Figure]:
    def plot() -> Figure:
        from search.report.pictures.curves import curves_figure

        return curves_figure(few, rest, clock, metric)

    return plot
