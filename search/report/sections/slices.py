"""Slices and contour: the objective over each axis, and over the two most important together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any

from search.report.importances import importances
from search.report.reported_study import ReportedStudy
from search.report.scored_trials import (
    ScoredTrial,
    axes_of,
    is_log,
    is_range,
    scored,
    values_of,
)
from search.report.section import Section
from search.report.surfaces import Pair, cells, numbers, surface
from search.report.templating import figures, render

MIN_TRIALS = 5  # fewer dots show nothing
_WORSE_TO_BETTER = ("set-2", "own", "set-1")  # the ink stands out from each
_MARGIN = 0.06  # at both ends of the objectives
_FORECAST, _KNOWN = "circle-open", "circle"


def slices(study: ReportedStudy) -> Section | None:
    """Section with the trials whose end is known or forecast; None if too few differ."""
    trials = scored(study)
    axes = axes_of(trials)
    if not axes or len(trials) < MIN_TRIALS:
        return None
    found = importances(trials)
    pair = pair_of(trials, list(found))
    both = [] if pair is None else having(trials, *pair)
    body = render(
        "slices.html",
        study=study,
        any_forecast=any(trial.is_forecast for trial in trials),
        slices=[(axis, len(having(trials, axis)), slice_plot(trials, axis)) for axis in axes],
        importances=found,
        pair=pair,
        n_both=len(both),
        is_contour=pair is not None and is_contour(both, pair),
        figure=None if pair is None else pair_plot(both, pair, falls=study.config.objective.falls),
    )
    return Section(name="slices", title="Slices and contour", body=body)


def having(trials: Sequence[ScoredTrial], *axes: str) -> list[ScoredTrial]:
    """The trials that have all of ``axes``."""
    return [trial for trial in trials if all(axis in trial.params for axis in axes)]


def pair_of(trials: Sequence[ScoredTrial], axes: Sequence[str]) -> Pair | None:
    """First two of ``axes`` that enough trials have together, and differ in; None without any."""
    for pair in combinations(axes, 2):
        both = having(trials, *pair)
        if len(both) >= MIN_TRIALS and set(pair) <= set(axes_of(both)):
            return pair
    return None


def is_contour(trials: Sequence[ScoredTrial], pair: Pair) -> bool:
    """True if both axes are ranges, so that there is an objective between their values."""
    return all(is_range(trials, axis) for axis in pair)


def slice_plot(trials: Sequence[ScoredTrial], axis: str) -> dict[str, Any]:
    """Figure for plotly: each trial that has ``axis`` a dot, the later the stronger its colour."""
    dots = having(trials, axis)
    colour = {
        "color": [trial.id for trial in dots],
        "colorscale": [[0, "var(--rest)"], [1, "var(--series-1)"]],
        "cmin": min(trial.id for trial in trials),
        "cmax": max(trial.id for trial in trials),
    }
    trace = {
        **_dots(dots, (axis,), colour),
        "x": _places(dots, axis),
        "y": [trial.objective for trial in dots],
    }
    layout = {
        "showlegend": False,
        "xaxis": _scale(dots, axis),
        "yaxis": {"title": {"text": "objective"}, "range": _range(trials)},
    }
    return {"data": [trace], "layout": layout}


def pair_plot(trials: Sequence[ScoredTrial], pair: Pair, *, falls: bool) -> dict[str, Any]:
    """Figure for plotly of the objective over two axes, which all of ``trials`` have.

    Args:
        falls: lower objectives are better.
    """
    colours = [f"var(--{name})" for name in _WORSE_TO_BETTER]
    scale = [[0, colours[0]], [0.5, colours[1]], [1, colours[2]]]
    make = _contour if is_contour(trials, pair) else _heatmap
    return make(trials, pair, {"colorscale": scale, "reversescale": falls, "showscale": False})


def _contour(
    trials: Sequence[ScoredTrial], pair: Pair, colouring: Mapping[str, Any]
) -> dict[str, Any]:
    """Lines of equal objective by the Gaussian process, and the trials as dots."""
    modelled = surface(trials, pair)
    contour = {
        "type": "contour",
        "x": modelled.x.tolist(),
        "y": modelled.y.tolist(),
        "z": modelled.objective.tolist(),
        "line": {"color": "var(--muted)", "width": 1},
        "contours": {"showlabels": True, "labelfont": {"color": "var(--ink)", "size": 11}},
        "hoverinfo": "skip",
        **colouring,
    }
    dots = {
        **_dots(trials, pair, {"color": "var(--ink)"}),
        "x": _places(trials, pair[0]),
        "y": _places(trials, pair[1]),
    }
    layout = {
        "showlegend": False,
        "xaxis": _scale(trials, pair[0]),
        "yaxis": _scale(trials, pair[1]),
    }
    return {"data": [contour, dots], "layout": layout}


def _heatmap(
    trials: Sequence[ScoredTrial], pair: Pair, colouring: Mapping[str, Any]
) -> dict[str, Any]:
    """Mean objective and number of trials in each cell; those without trials stay empty."""
    table = cells(trials, pair)
    places = [[(x, y) for x in range(len(table.columns))] for y in range(len(table.rows))]
    heatmap = {
        "type": "heatmap",
        "x": list(range(len(table.columns))),
        "y": list(range(len(table.rows))),
        "z": [[_mean(table.objectives.get(place)) for place in row] for row in places],
        "text": [[_cell_text(table.objectives.get(place)) for place in row] for row in places],
        "texttemplate": "%{text}",
        "textfont": {"color": "var(--ink)"},
        "hoverinfo": "skip",  # it would say the same
        "xgap": 2,
        "ygap": 2,
        **colouring,
    }
    layout = {
        "showlegend": False,
        "xaxis": {"title": {"text": pair[0]}, **_ticks(table.columns), "showgrid": False},
        "yaxis": {"title": {"text": pair[1]}, **_ticks(table.rows), "showgrid": False},
    }
    return {"data": [heatmap], "layout": layout}


def _mean(objectives: Sequence[float] | None) -> float | None:
    return None if objectives is None else fmean(objectives)


def _cell_text(objectives: Sequence[float] | None) -> str:
    return "" if objectives is None else f"{figures(fmean(objectives))} ({len(objectives)})"


def _dots(
    trials: Sequence[ScoredTrial], axes: Sequence[str], colour: Mapping[str, Any]
) -> dict[str, Any]:
    """Trace of the trials without their places: hollow dots are forecasts."""
    symbols = [_FORECAST if trial.is_forecast else _KNOWN for trial in trials]
    return {
        "type": "scatter",
        "mode": "markers",
        "text": [_text(trial, axes) for trial in trials],
        "marker": {"size": 7, "symbol": symbols, **colour},
        "hovertemplate": "%{text}<extra></extra>",
    }


def _text(trial: ScoredTrial, axes: Sequence[str]) -> str:
    forecast = " (forecast)" if trial.is_forecast else ""
    values = [f"{axis}: {_shown(trial.params[axis])}" for axis in axes]
    objective = f"objective: {figures(trial.objective, 5)}{forecast}"
    return "<br>".join([f"trial {trial.id}", *values, objective])


def _shown(value: object) -> str:
    return figures(value) if isinstance(value, float) else str(value)


def _places(trials: Sequence[ScoredTrial], axis: str) -> list[float]:
    """Place of each trial along an axis: of a range its number, of a list the value's place."""
    if is_range(trials, axis):
        return [float(number) for number in numbers(trials, axis)]
    values = values_of(trials, axis)
    return [values.index(trial.params[axis]) for trial in trials]


def _range(trials: Sequence[ScoredTrial]) -> tuple[float, float]:
    """Objectives of all trials with a margin, for the same scale in every slice."""
    objectives = [trial.objective for trial in trials]
    low, high = min(objectives), max(objectives)
    margin = _MARGIN * (high - low) or 1.0
    return low - margin, high + margin


def _scale(trials: Sequence[ScoredTrial], axis: str) -> dict[str, Any]:
    """Axis of a figure: of numbers for a range, else of the values in their order."""
    title = {"title": {"text": axis}}
    if is_range(trials, axis):
        kind = "log" if is_log(trials, axis) else "linear"
        return {**title, "type": kind, "exponentformat": "e"}
    return {**title, **_ticks([str(value) for value in values_of(trials, axis)])}


def _ticks(labels: Sequence[str]) -> dict[str, Any]:
    places = list(range(len(labels)))
    return {"tickvals": places, "ticktext": labels, "range": [-0.5, len(labels) - 0.5]}
