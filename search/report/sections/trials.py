"""Table of all trials, to sort and filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import decimals, render, text_or_dash
from search.study.ranking import best_first
from search.study.trial_record import TrialRecord
from search.study.varied_settings import varied_settings

_ORDER = ("completed", "stopped", "running", "failed")

Value = float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Column of the table: heading and the value of each trial."""

    title: str
    of: Callable[[TrialRecord], Value]
    hint: str = ""  # meaning of the heading, if it is not plain
    n_digits: int | None = None  # of the largest number; None for whole numbers and text
    style: str = ""  # CSS class: n for numbers, code for notation, reason for long text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Text of a cell, and the number it is sorted by."""

    text: str
    value: float | None  # None: sorted by the text
    style: str


def trials(study: ReportedStudy) -> Section:
    """Section with the table: one row a trial, best first."""
    records = sorted(sorted(study.records, key=lambda r: r.id), key=best_first)
    table_columns = columns(study)
    cells_by_column = (_cells(column, [column.of(r) for r in records]) for column in table_columns)
    cells = zip(*cells_by_column, strict=True)
    body = render(
        "trials.html",
        columns=table_columns,
        rows=list(zip(records, cells, strict=True)),
        states=[state for state in _ORDER if any(r.state == state for r in records)],
    )
    return Section(name="trials", title="All trials", body=body)


def columns(study: ReportedStudy) -> list[Column]:
    """Columns of the table."""
    return [*_results(study), *_circumstances(study)]


def _results(study: ReportedStudy) -> list[Column]:
    """Columns with a trial's layouts, its scores and its size."""
    decoder = [Column(title="Decoder", style="code", of=lambda r: str(r.decoder))]
    if not any(record.decoder.depth for record in study.records):
        decoder = []
    return [
        Column(title="Trial", style="n", of=lambda r: r.id),
        Column(title="Encoder", hint="bottom to top", style="code", of=lambda r: r.canonical),
        *decoder,
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
            hint="divided by the highest AUCC of the compared trials",
            n_digits=4,
            style="n",
            of=study.normalised_aucc,
        ),
        *_against_model0(study),
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
            title="Pareto front",
            hint="no other trial has both a higher AUCC and fewer parameters",
            of=lambda r: "front" if r.id in study.front else "",
        ),
    ]


def _against_model0(study: ReportedStudy) -> list[Column]:
    """Columns of a study with references."""
    if not study.references:
        return []
    roles = {"model0": "Model 0", "deletion": "deletion"}
    return [
        Column(
            title="AUCC ÷ Model 0",
            hint="Model 0 of the same depth, or the only one",
            n_digits=4,
            style="n",
            of=study.model0s.aucc_ratio,
        ),
        Column(
            title="Reference",
            hint="trained to compare with, beside the search's trials",
            of=lambda r: "" if r.reference is None else roles[r.reference],
        ),
    ]


def _circumstances(study: ReportedStudy) -> list[Column]:
    """Columns with a trial's cost, its settings, and where it is recorded."""
    n_repeats = study.suggestions.n_repeats
    return [
        Column(title="Updates", style="n", of=lambda r: r.curve[-1].updates if r.curve else None),
        Column(
            title="Seconds",
            hint="training time, validation excluded",
            n_digits=4,
            style="n",
            of=lambda r: r.curve[-1].seconds if r.curve else None,
        ),
        Column(title="Seed", style="n", of=lambda r: r.config.seed),
        *(_setting(name) for name in varied_settings(study.config)),
        Column(
            title="Repeats",
            hint="later suggestions of the same candidate, which took this trial's outcome",
            style="n",
            of=lambda r: n_repeats.get(r.id, 0),
        ),
        Column(title="Reason", style="reason", of=lambda r: r.reason or ""),
        Column(title="Host", of=lambda r: r.host or ""),
        Column(title="MLflow run", style="code", of=lambda r: r.mlflow_run_id or ""),
    ]


def _setting(name: str) -> Column:
    def of(record: TrialRecord) -> Value:
        value: Value = record.config.setting(name)
        return f"{value:.4g}" if isinstance(value, float) else value

    return Column(title=name, of=of)


def _cells(column: Column, values: list[Value]) -> list[Cell]:
    """Cells of a column; all numbers have as many decimals as the largest."""
    numbers = [abs(value) for value in values if isinstance(value, int | float)]
    n_decimals = decimals(max(numbers, default=0.0), column.n_digits) if column.n_digits else 0
    return [
        Cell(text=value, value=None, style=column.style)
        if isinstance(value, str)
        else Cell(
            text=text_or_dash(value, f",.{n_decimals}f"),
            value=float("-inf") if value is None else value,
            style=column.style,
        )
        for value in values
    ]
