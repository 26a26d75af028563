"""Curves over seeds: mean score with a band of one standard deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from search.replicates.measured import Measured
from search.study.trial_record import TrialRecord
from trainable.config import Clock

N_READINGS = 200  # of the clock, at which the curves of the seeds are averaged


def score_over_minutes(models: Sequence[Measured], *, steered_by: str) -> Figure:
    """The paper's figure: score of each model against minutes of training."""
    return seed_bands(
        {model.name: model.trials for model in models},
        clock="seconds",
        x_label="minutes of training (validation excluded)",
        y_label=f"{models[0].metric} on the {steered_by} set",
        divisor=60.0,
    )


def seed_bands(
    trials: Mapping[str, Sequence[TrialRecord]],
    *,
    clock: Clock,
    x_label: str,
    y_label: str,
    divisor: float = 1.0,
) -> Figure:
    """Mean score of each model with a band of one standard deviation over its seeds.

    A curve begins at 0, as its area does, and ends where the shortest of its seeds ends.

    Args:
        trials: trials with a curve by the name of their model, a trial a seed.
        clock: clock of the horizontal axis.
        x_label: its label.
        y_label: label of the scores.
        divisor: readings of the clock for each unit of the axis.
    """
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, seeds in trials.items():
        readings, curves = band(seeds, clock)
        mean = curves.mean(axis=0)
        (line,) = axes.plot(readings / divisor, mean, label=name)
        if len(curves) > 1:
            deviation = curves.std(axis=0, ddof=1)
            axes.fill_between(
                readings / divisor,
                mean - deviation,
                mean + deviation,
                alpha=0.15,
                color=line.get_color(),
            )
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def band(trials: Sequence[TrialRecord], clock: Clock) -> tuple[np.ndarray, np.ndarray]:
    """Readings of the clock, and the scores of all seeds at them, interpolated linearly.

    Returns:
        Readings ``[N_READINGS]`` and scores ``[n_seeds, N_READINGS]``.
    """
    end = min(trial.curve[-1].at(clock) for trial in trials)
    readings = np.linspace(0.0, end, N_READINGS)
    curves = [
        np.interp(
            readings,
            [0.0, *(point.at(clock) for point in trial.curve)],
            [0.0, *(point.score for point in trial.curve)],
        )
        for trial in trials
    ]
    return readings, np.stack(curves)
