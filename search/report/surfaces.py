"""The objective over two axes: by a Gaussian process, or by the mean in each cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from search.report.scored_trials import ScoredTrial, is_log, is_range, values_of
from search.report.templating import figures
from search.suggest.surrogate_gp import GaussianProcess

N_GRID = 40  # points along each axis
N_PARTS = 4  # of a range in cells
# The priors of the Gaussian process are for values with this standard deviation.
_UNIT = 0.2

Array = npt.NDArray[np.float64]
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """Objective on a grid over two ranges."""

    x: Array  # N_GRID values of the first axis
    y: Array  # N_GRID values of the second axis
    objective: Array  # N_GRID rows, one for each value of the second axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Objectives of the trials in each cell of a table."""

    columns: Sequence[str]  # values of the first axis
    rows: Sequence[str]  # values of the second axis
    objectives: Mapping[tuple[int, int], Sequence[float]]  # by column and row; no empty cells


def surface(trials: Sequence[ScoredTrial], pair: Pair) -> Surface:
    """Mean of a Gaussian process over two ranges, from the lowest to the highest value tried.

    It knows these two axes alone: what the others do is noise to it.
    """
    logs = [is_log(trials, axis) for axis in pair]
    known = np.column_stack([numbers(trials, axis) for axis in pair])
    known[:, logs] = np.log(known[:, logs])
    objectives = np.array([trial.objective for trial in trials])
    errors = np.array([trial.error for trial in trials])
    scales, unit = known.std(axis=0), objectives.std() / _UNIT or 1.0
    process = GaussianProcess.fit(known / scales, objectives / unit, errors / unit)
    x, y = np.linspace(known.min(axis=0), known.max(axis=0), N_GRID).T
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    mean, _ = process.predict(grid / scales)
    return Surface(
        x=np.exp(x) if logs[0] else x,
        y=np.exp(y) if logs[1] else y,
        objective=unit * mean.reshape(N_GRID, N_GRID),
    )


def cells(trials: Sequence[ScoredTrial], pair: Pair) -> Cells:
    """Objectives by the values of two axes; ranges are cut into parts with equally many trials."""
    (columns, column_of), (rows, row_of) = (_parts(trials, axis) for axis in pair)
    objectives: dict[tuple[int, int], list[float]] = defaultdict(list)
    for trial, column, row in zip(trials, column_of, row_of, strict=True):
        objectives[column, row].append(trial.objective)
    return Cells(columns=columns, rows=rows, objectives=objectives)


def numbers(trials: Sequence[ScoredTrial], axis: str) -> Array:
    """Values of a range."""
    return np.array([float(str(trial.params[axis])) for trial in trials])


def _parts(trials: Sequence[ScoredTrial], axis: str) -> tuple[list[str], list[int]]:
    """Labels of an axis' values or parts, and the place of each trial among them."""
    if not is_range(trials, axis):
        values = values_of(trials, axis)
        return [str(value) for value in values], [values.index(t.params[axis]) for t in trials]
    of_trials = numbers(trials, axis)
    edges = np.quantile(of_trials, np.linspace(0, 1, N_PARTS + 1))
    ends = [figures(float(edge), 3) for edge in edges]
    labels = [f"{low} to {high}" for low, high in pairwise(ends)]
    return labels, np.searchsorted(edges[1:-1], of_trials).tolist()
