"""The paper's figure: score against minutes of training, with bands over seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from search.replicates.measured import Measured

N_READINGS = 200  # points in time at which the curves of the seeds are averaged


def score_over_minutes(models: Sequence[Measured], *, steered_by: str) -> Figure:
    """Mean score of each model with a band of one standard deviation over seeds.

    A curve ends where the shortest of its seeds ends.
    """
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for model in models:
        minutes, curves = band(model)
        mean = curves.mean(axis=0)
        (line,) = axes.plot(minutes, mean, label=model.name)
        if len(curves) > 1:
            deviation = curves.std(axis=0, ddof=1)
            axes.fill_between(
                minutes, mean - deviation, mean + deviation, alpha=0.15, color=line.get_color()
            )
    axes.set_xlabel("minutes of training (validation excluded)")
    axes.set_ylabel(f"{models[0].metric} on the {steered_by} set")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def band(model: Measured) -> tuple[np.ndarray, np.ndarray]:
    """Minutes of training, and the scores of all seeds at them, interpolated linearly.

    Returns:
        Minutes ``[N_READINGS]`` and scores ``[n_seeds, N_READINGS]``.
    """
    end = min(trial.curve[-1].seconds for trial in model.trials)
    seconds = np.linspace(0.0, end, N_READINGS)
    curves = [
        np.interp(
            seconds,
            [0.0, *(point.seconds for point in trial.curve)],
            [0.0, *(point.score for point in trial.curve)],
        )
        for trial in model.trials
    ]
    return seconds / 60, np.stack(curves)
