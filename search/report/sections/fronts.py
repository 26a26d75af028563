"""Pareto fronts of AUCC and parameters, one for each parameter count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from search.report.fronts import Front, fronts_of
from search.report.objective_words import goal_words
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render
from search.report.trial_label import trial_label
from search.stats.hypervolume import front_hypervolume
from search.study.ranking import pareto_front
from trainable.config import Parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEANINGS: dict[Parameters, str] = {
    "total": "every weight set once, embeddings included",
    "learned": "weights that training changes",
    "stored": "weights that a checkpoint must hold",
    "encoder": "the encoder stack without embeddings",
}


def fronts(study: ReportedStudy) -> Section | None:
    """Section with the fronts as small figures side by side."""
    if not study.compared:
        return None
    of_counts = fronts_of(study.compared)
    figures = [(front, front_plot(front, study.unit)) for front in of_counts]
    objective = study.config.objective
    volume = front_hypervolume(study.records, objective) if objective.is_pareto else None
    body = render(
        "fronts.html",
        study=study,
        fronts=figures,
        meanings=MEANINGS,
        goals=[goal_words(goal, objective, study.metric) for goal in objective.goals],
        chosen=pareto_front(study.records, objective) if volume else [],
        hypervolume=volume,
    )

    def picture() -> Figure:
        from search.report.pictures.fronts import fronts_figure

        return fronts_figure(of_counts, study.unit)

    return Section(
        name="fronts", title="Pareto fronts: AUCC and size", body=body, pictures={"fronts": picture}
    )


def front_plot(front: Front, unit: str) -> dict[str, Any]:
    """Figure for plotly: every trial a dot, the front a line of steps."""
    on_front = {record.id for record in front.best}
    rest = [
        (record, size)
        for record, size in zip(front.trials, front.sizes, strict=True)
        if record.id not in on_front
    ]
    sizes, areas = zip(*front.steps, strict=True)
    hover = "trial %{text}<br>%{y:,.5~g} " + unit + "<br>%{x:.4~g} M parameters<extra></extra>"
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "other trials",
            "x": [size for _, size in rest],
            "y": [record.aucc for record, _ in rest],
            "text": [trial_label(record) for record, _ in rest],
            "marker": {"color": "var(--rest)", "size": 6},
            "hovertemplate": hover,
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "front",
            "x": sizes,
            "y": areas,
            "text": [trial_label(record) for record in front.best],
            "line": {"color": "var(--series-1)", "width": 2, "shape": "hv"},
            "marker": {"color": "var(--series-1)", "size": 8},
            "hovertemplate": hover,
        },
    ]
    layout = {
        "showlegend": False,
        "height": 280,
        "xaxis": {"title": {"text": f"{front.title} parameters (M)"}, **_range(front.sizes)},
        "yaxis": {"title": {"text": "AUCC"}},
    }
    return {"data": data, "layout": layout}


def _range(sizes: Sequence[float]) -> dict[str, Any]:
    """Axis range around a single size, where plotly would show a whole million."""
    return {"range": [0.9 * sizes[0], 1.1 * sizes[0]]} if len(set(sizes)) == 1 else {}
