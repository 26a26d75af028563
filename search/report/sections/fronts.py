"""AUCC against parameters, for each way of counting these, with the front of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from search.ranking import pareto_front
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render
from search.trial_record import TrialRecord
from trainable.config import ObjectiveConfig, Parameters
from trainable.objective import mparams

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEANINGS: dict[Parameters, str] = {
    "total": "every weight set once, embeddings included",
    "learned": "what training changes",
    "stored": "what a checkpoint must hold",
    "encoder": "the encoder stack, embeddings not",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The compared trials under one way of counting, or under several that agree on all."""

    ways: tuple[Parameters, ...]
    sizes: tuple[float, ...]  # of the trials, in millions
    trials: tuple[TrialRecord, ...]
    best: tuple[TrialRecord, ...]  # those on the front, by rising size

    @property
    def title(self) -> str:
        return " = ".join(self.ways)

    @property
    def steps(self) -> list[tuple[float, float]]:
        """The corners of the front's line: sizes and AUCC."""
        return [(mparams(r.counts, self.ways[0]), r.aucc or 0.0) for r in self.best]


def fronts(study: ReportedStudy) -> Section | None:
    """The fronts, small ones side by side."""
    if not study.compared:
        return None
    told = fronts_of(study.compared)
    figures = [(front, front_plot(front, study.unit)) for front in told]
    body = render("fronts.html", study=study, fronts=figures, meanings=MEANINGS)

    def picture() -> Figure:
        from search.report.pictures.fronts import fronts_figure

        return fronts_figure(told, study.unit)

    return Section(
        name="fronts", title="AUCC against size", body=body, pictures={"fronts": picture}
    )


def fronts_of(trials: Sequence[TrialRecord]) -> list[Front]:
    """One front for each way of counting; ways that agree on every trial are one."""
    by_sizes: dict[tuple[float, ...], list[Parameters]] = {}
    for way in get_args(Parameters):
        by_sizes.setdefault(tuple(mparams(r.counts, way) for r in trials), []).append(way)
    return [
        Front(ways=tuple(ways), sizes=sizes, trials=tuple(trials), best=front_of(trials, ways[0]))
        for sizes, ways in by_sizes.items()
    ]


def front_of(trials: Sequence[TrialRecord], way: Parameters) -> tuple[TrialRecord, ...]:
    """Those of ``trials`` that no other beats in both AUCC and parameters counted so."""
    by_id = {record.id: record for record in trials}
    counted = [
        dataclasses.replace(
            record,
            config={
                **record.config,
                "objective": {**record.config["objective"], "parameters": way},
            },
        )
        for record in trials
    ]
    # The bounds were the study's own, and have been seen to.
    return tuple(by_id[record.id] for record in pareto_front(counted, ObjectiveConfig()))


def front_plot(front: Front, unit: str) -> dict[str, Any]:
    """The figure for plotly: every trial a dot, the front a line of steps."""
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
            "text": [_label(record) for record, _ in rest],
            "marker": {"color": "var(--rest)", "size": 6},
            "hovertemplate": hover,
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "front",
            "x": sizes,
            "y": areas,
            "text": [_label(record) for record in front.best],
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
    """Some room around a single size, for which plotly would take a whole million."""
    return {"range": [0.9 * sizes[0], 1.1 * sizes[0]]} if len(set(sizes)) == 1 else {}


def _label(record: TrialRecord) -> str:
    return f"{record.id}: {record.canonical}"
