"""Timeline: when each trial began and ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render
from search.report.trial_label import trial_label
from search.study.trial_record import State, TrialRecord

_COLOURS: dict[State, str] = {
    "completed": "series-1",
    "stopped": "series-5",
    "failed": "series-2",
}
_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A trial that has ended, from its suggestion to its end."""

    record: TrialRecord
    begin: datetime
    end: datetime


def timeline(study: ReportedStudy) -> Section | None:
    """Section with the ended trials as bars; None without any."""
    spans = spans_of(study)
    if not spans:
        return None
    body = render(
        "timeline.html",
        n_trials=len(spans),
        n_left_out=sum(record.state in _COLOURS for record in study.records) - len(spans),
        begin=min(span.begin for span in spans),
        end=max(span.end for span in spans),
        figure=timeline_plot(spans),
    )
    return Section(name="timeline", title="Timeline", body=body)


def spans_of(study: ReportedStudy) -> list[Span]:
    """The ended trials whose times Optuna's journal has."""
    known = study.suggestions.by_number
    return [
        Span(record=record, begin=found.datetime_start, end=found.datetime_complete)
        for record in study.records
        if record.state in _COLOURS
        and record.optuna_number is not None
        and (found := known.get(record.optuna_number)) is not None
        and found.datetime_start is not None
        and found.datetime_complete is not None
    ]


def timeline_plot(spans: Sequence[Span]) -> dict[str, Any]:
    """Figure for plotly: a bar for each trial, one trace for each state."""
    traces = []
    for state, colour in _COLOURS.items():
        of_state = [span for span in spans if span.record.state == state]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": state,
                "y": [span.record.id for span in of_state],
                "base": [span.begin.isoformat(sep=" ") for span in of_state],
                "x": [_MS * (span.end - span.begin).total_seconds() for span in of_state],
                "text": [trial_label(span.record) for span in of_state],
                "textposition": "none",
                "marker": {"color": f"var(--{colour})"},
                "hovertemplate": f"trial %{{text}}, {state}<br>from %{{base}}<extra></extra>",
            }
        )
    layout = {
        "barmode": "overlay",
        "xaxis": {"type": "date"},
        "yaxis": {"title": {"text": "trial"}, "autorange": "reversed"},
    }
    return {"data": traces, "layout": layout}
