"""Every trial in a table that can be sorted and filtered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import decimals, render, shown
from search.study.trial_record import TrialRecord
from spaces.axes import Range

_ORDER = ("completed", "stopped", "running", "failed")

Value = float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A heading, and what a trial has under it."""

    title: str
    of: Callable[[TrialRecord], Value]
    hint: str = ""  # what the heading means, where that is not plain
    n_digits: int | None = None  # of the column's largest number; None: whole numbers, or text
    style: str = ""  # n: a number; code: a notation; reason: long text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What stands in the table, and the number it is sorted by."""

    text: str
    value: float | None  # None: sorted by the text
    style: str


def trials(study: ReportedStudy) -> Section:
    """The table: one row a trial, the best first."""
    records = sorted(
        study.records, key=lambda r: (_ORDER.index(r.state), -(r.objective or 0.0), r.id)
    )
    told = columns(study)
    cells = zip(*(_cells(column, [column.of(r) for r in records]) for column in told), strict=True)
    body = render(
        "trials.html",
        columns=told,
        rows=list(zip(records, cells, strict=True)),
        states=[state for state in _ORDER if any(r.state == state for r in records)],
    )
    return Section(name="trials", title="All trials", body=body)


def columns(study: ReportedStudy) -> list[Column]:
    """What is told of each trial."""
    again = study.suggestions.n_again
    return [
        Column(title="Trial", style="n", of=lambda r: r.id),
        Column(title="Encoder", hint="bottom to top", style="code", of=lambda r: r.canonical),
        Column(title="Decoder", style="code", of=lambda r: str(r.decoder)),
        Column(title="State", of=lambda r: r.state),
        Column(
            title="Objective",
            hint=study.objective_words,
            n_digits=5,
            style="n",
            of=lambda r: r.objective,
        ),
        Column(title="AUCC", hint=study.unit, n_digits=5, style="n", of=lambda r: r.aucc),
        Column(
            title="Normalised AUCC",
            hint="a part of the highest of the compared trials'",
            n_digits=4,
            style="n",
            of=study.normalised_aucc,
        ),
        Column(
            title=study.metric,
            hint="the best on the validation set",
            n_digits=4,
            style="n",
            of=lambda r: r.best_score,
        ),
        Column(title="Params (M)", n_digits=4, style="n", of=lambda r: r.counts.total / 1e6),
        Column(
            title="Learned (M)",
            hint="parameters that training changes",
            n_digits=4,
            style="n",
            of=lambda r: r.counts.learned / 1e6,
        ),
        Column(
            title="Front",
            hint="no other beats it in both AUCC and parameters",
            of=lambda r: "front" if r.id in study.front else "",
        ),
        Column(title="Updates", style="n", of=lambda r: r.curve[-1].updates if r.curve else None),
        Column(
            title="Seconds",
            hint="of training",
            n_digits=4,
            style="n",
            of=lambda r: r.curve[-1].seconds if r.curve else None,
        ),
        Column(title="Seed", style="n", of=lambda r: r.config.seed),
        *(_setting(name) for name in varied_settings(study)),
        Column(
            title="Again",
            hint="suggestions that took this trial's outcome",
            style="n",
            of=lambda r: again.get(r.id, 0),
        ),
        Column(title="Reason", style="reason", of=lambda r: r.reason or ""),
        Column(title="Host", of=lambda r: r.host or ""),
        Column(title="MLflow run", style="code", of=lambda r: r.mlflow_run_id or ""),
    ]


def varied_settings(study: ReportedStudy) -> list[str]:
    """The settings beside the layout that differ between trials, by dotted name."""
    gain = study.config.space.reservoir_gain
    is_varied = isinstance(gain, Range) or len(gain) > 1
    return [*(["model.reservoir_gain"] if is_varied else []), *study.config.space.hyper]


def _setting(name: str) -> Column:
    def of(record: TrialRecord) -> Value:
        value: Value = record.config.setting(name)
        return f"{value:.4g}" if isinstance(value, float) else value

    return Column(title=name, of=of)


def _cells(column: Column, values: list[Value]) -> list[Cell]:
    """The cells of a column, numbers with as many decimals as the largest has."""
    numbers = [abs(value) for value in values if isinstance(value, int | float)]
    n_decimals = decimals(max(numbers, default=0.0), column.n_digits) if column.n_digits else 0
    return [
        Cell(text=value, value=None, style=column.style)
        if isinstance(value, str)
        else Cell(
            text=shown(value, f",.{n_decimals}f"),
            value=float("-inf") if value is None else value,
            style=column.style,
        )
        for value in values
    ]
