"""The best objective so far over the trials, and whether more of them would help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render
from search.report.trial_label import trial_label
from search.study.trial_record import TrialRecord
from search.suggest.outlook import study_outlook


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A trial that was compared, in the order of the trials."""

    record: TrialRecord
    best: TrialRecord  # the best up to it


def progress(study: ReportedStudy) -> Section | None:
    """Section with the best so far; None before two trials can be compared."""
    steps = steps_of(study)
    if len(steps) < 2:
        return None
    improved = [step for step in steps if step.best is step.record]
    outlook = (
        None
        if study.manifest is None
        else study_outlook(study.config, study.records, data=study.folder.data())
    )
    body = render(
        "progress.html",
        study=study,
        improved=improved,
        n_since=len(steps) - 1 - steps.index(improved[-1]),
        n_compared=len(steps),
        size=study.config.space.size(),
        is_infinite=bool(study.config.space.continuous_axes()),
        n_tried=len({record.key for record in study.records if record.is_of_the_space}),
        outlook=outlook,
        figure=progress_plot(steps, study.objective_words),
    )
    return Section(name="progress", title="Best so far", body=body)


def steps_of(study: ReportedStudy) -> list[Step]:
    """The compared trials by their ids, each with the best until then."""
    objective = study.config.objective
    steps: list[Step] = []
    for record in sorted(study.compared, key=lambda record: record.id):
        best = steps[-1].best if steps else record
        is_better = objective.gain(record.objective) > objective.gain(best.objective)
        steps.append(Step(record=record, best=record if is_better else best))
    return steps


def progress_plot(steps: Sequence[Step], objective: str) -> dict[str, Any]:
    """Figure for plotly: a dot for each trial, and a line of steps through the best so far."""
    ids = [step.record.id for step in steps]
    names = [trial_label(step.record) for step in steps]
    trials = {
        "type": "scatter",
        "mode": "markers",
        "name": "trial",
        "x": ids,
        "y": [step.record.objective for step in steps],
        "text": names,
        "marker": {"color": "var(--rest)", "size": 7},
        "hovertemplate": "trial %{text}<br>%{y:,.5~g}<extra></extra>",
    }
    best = {
        "type": "scatter",
        "mode": "lines",
        "name": "best so far",
        "x": ids,
        "y": [step.best.objective for step in steps],
        "line": {"color": "var(--series-1)", "width": 2, "shape": "hv"},
        "hoverinfo": "skip",
    }
    layout = {
        "showlegend": False,
        "xaxis": {"title": {"text": "trial"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": objective}},
    }
    return {"data": [trials, best], "layout": layout}
