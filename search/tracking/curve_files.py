"""A trial's convergence curve as a CSV file and as a picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from search.study.trial_record import TrialRecord
from trainable.curve import Point


def write_curve_csv(curve: Sequence[Point], path: Path) -> None:
    """Write one line per point; the columns are named after the fields of ``Point``."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(Point.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(point.to_dict() for point in curve)


def read_curve_csv(path: Path) -> tuple[Point, ...]:
    """Points of a file that ``write_curve_csv`` wrote.

    Raises:
        ValueError: the file is damaged.
    """
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        return tuple(Point.from_dict({name: float(row[name]) for name in row}) for row in rows)


def write_curve_png(record: TrialRecord, path: Path) -> None:
    """Validation scores over the objective's clock, with its area shaded."""
    clock = record.config.objective.clock
    figure = Figure(figsize=(6, 4))  # without a layout engine, which would double the time
    FigureCanvasAgg(figure)  # no pyplot: its state is global and this runs in a thread
    axes = figure.add_subplot()
    readings = [0.0, *(point.at(clock) for point in record.curve)]
    scores = [0.0, *(point.score for point in record.curve)]
    axes.plot(readings, scores, marker="o")
    axes.fill_between(readings, scores, alpha=0.2)
    axes.set_xlabel(f"training {clock}")
    axes.set_ylabel(f"validation {record.metric}")
    axes.set_title(f"trial {record.id}: {record.canonical} ({record.state})")
    axes.set_ylim(bottom=0)
    figure.savefig(path, dpi=100)
