"""Parallel coordinates: each trial a line through its answers to its objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.report.colours import series
from search.report.reported_study import ReportedStudy
from search.report.scored_trials import ScoredTrial, Value, axes_of, is_range, scored, values_of
from search.report.section import Section
from search.report.templating import figures, render

_OBJECTIVE = "objective"
_N_TICKS = 3  # of a range: lowest, middle, highest


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A vertical axis from 0 to 1, with the heights at which its values stand."""

    name: str
    ticks: Mapping[str, float]
    low: float = 0.0  # ends of a range
    high: float = 1.0

    def height(self, value: Value) -> float:
        """Height of ``value``: of a list by its place, of a range by its size."""
        if str(value) in self.ticks:
            return self.ticks[str(value)]
        return (float(str(value)) - self.low) / (self.high - self.low)


def parallel(study: ReportedStudy) -> Section | None:
    """Section with the trials whose end is known or forecast; None if they differ in nothing."""
    trials = scored(study)
    axes = axes_for(trials)
    if len(axes) < 2:
        return None
    body = render(
        "parallel.html",
        study=study,
        n_trials=len(trials),
        axes=[axis.name for axis in axes],
        figure=parallel_plot(trials, axes, [record.id for record in study.top_trials]),
    )
    return Section(name="parallel", title="Parallel coordinates", body=body)


def axes_for(trials: Sequence[ScoredTrial]) -> list[Axis]:
    """The axes in which the trials differ, then the objective; empty without two objectives."""
    objectives = [trial.objective for trial in trials]
    if len(set(objectives)) < 2:
        return []
    axes = [
        _range(name, [float(str(trial.params[name])) for trial in trials if name in trial.params])
        if is_range(trials, name)
        else _list(name, values_of(trials, name))
        for name in axes_of(trials)
    ]
    return [*axes, _range(_OBJECTIVE, objectives)]


def parallel_plot(
    trials: Sequence[ScoredTrial], axes: Sequence[Axis], few: Sequence[int]
) -> dict[str, Any]:
    """Figure for plotly: the trials in ``few`` in colour, one grey trace for all others."""
    rest = [trial for trial in trials if trial.id not in few]
    by_id = {trial.id: trial for trial in trials}
    traces = [_trace("other trials", rest, axes, "rest", 1)]
    traces += [
        _trace(f"trial {id_}", [by_id[id_]], axes, series(number), 2)
        for number, id_ in enumerate(few)
        if id_ in by_id
    ]
    layout = {
        "xaxis": {"tickvals": list(range(len(axes))), "ticktext": [axis.name for axis in axes]},
        "yaxis": {"range": [-0.06, 1.06], "showticklabels": False, "ticks": ""},
        "annotations": [
            {"x": n, "y": height, "text": text, "showarrow": False, "xanchor": "left", "xshift": 4}
            for n, axis in enumerate(axes)
            for text, height in axis.ticks.items()
        ],
    }
    return {"data": traces, "layout": layout}


def _trace(
    name: str, trials: Sequence[ScoredTrial], axes: Sequence[Axis], colour: str, width: int
) -> dict[str, Any]:
    """One trace for several trials, a gap after each; an axis that a trial lacks is passed over."""
    points = [
        point
        for trial in trials
        for point in (
            *(
                (n, axis.height(_value(trial, axis)), _text(trial, axis))
                for n, axis in enumerate(axes)
                if axis.name in (*trial.params, _OBJECTIVE)
            ),
            (None, None, None),
        )
    ]
    places, heights, texts = zip(*points, strict=True) if points else ((), (), ())
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": places,
        "y": heights,
        "text": texts,
        "line": {"color": f"var(--{colour})", "width": width},
        "marker": {"size": 5},
        "hovertemplate": "%{text}<extra></extra>",
    }


def _value(trial: ScoredTrial, axis: Axis) -> Value:
    return trial.objective if axis.name == _OBJECTIVE else trial.params[axis.name]


def _text(trial: ScoredTrial, axis: Axis) -> str:
    value = _value(trial, axis)
    shown = figures(value, 5) if isinstance(value, float) else str(value)
    forecast = " (forecast)" if trial.is_forecast and axis.name == _OBJECTIVE else ""
    return f"trial {trial.id}<br>{axis.name}: {shown}{forecast}"


def _list(name: str, values: Sequence[Value]) -> Axis:
    last = len(values) - 1
    return Axis(name=name, ticks={str(value): n / last for n, value in enumerate(values)})


def _range(name: str, values: Sequence[float]) -> Axis:
    low, high = min(values), max(values)
    shares = [n / (_N_TICKS - 1) for n in range(_N_TICKS)]
    ticks = {figures(low + share * (high - low), 4): share for share in shares}
    return Axis(name=name, ticks=ticks, low=low, high=high)
