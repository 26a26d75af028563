"""Reservoir gain: updates a second of the paper's Models 1 to 4 over those of Model 0.

Beside it what the paper saw, and what arithmetic allows. All models train in one process,
a few updates each in turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from benchmarks.alternate import alternate
from benchmarks.command import Options, run
from benchmarks.corpora import data_for, described
from benchmarks.machine import N_THREADS, machine
from benchmarks.models import BATCH_TOKENS, MODELS, Size, sizes, trial
from benchmarks.result import Report, Row, Table
from benchmarks.spread import Spread, ratio
from trainable.config import TrialConfig
from trainable.curve import Point
from trainable.model_size import training_flops_per_token
from trainable.ranks import Ranks
from trainable.tasks.registry import load_task
from trainable.training import Training

N_ROUNDS = 12
PAPER = {"model1": 1.054, "model2": 1.130, "model3": 1.130, "model4": 1.162}
BASE = "model0"


class Turns:
    """A training that makes a few updates whenever its turn comes."""

    def __init__(self, config: TrialConfig) -> None:
        self._n_updates = config.validation.interval_updates  # updates of a turn
        self._points: Iterator[Point] = Training(config, ranks=Ranks()).points()
        self._seconds = 0.0

    def __call__(self) -> float:
        """Train for a turn; its updates a second."""
        point = next(self._points)
        seconds = point.seconds - self._seconds
        self._seconds = point.seconds
        return self._n_updates / seconds


def measure(options: Options) -> Report:
    """One table for each size."""
    chosen = sizes(options.device)
    data = {size: options.data or data_for(size) for size in chosen}
    return Report(
        name=options.name("reservoir_gain"),
        title="Reservoir gain",
        header={
            **machine(),
            "data": "; ".join(described(folder) for folder in dict.fromkeys(data.values())),
            "update": f"{BATCH_TOKENS} tokens, one rank",
            "measured": f"{options.rounds(N_ROUNDS)}, after those that warm up",
        },
        tables=[_table(size, data[size], options) for size in chosen],
        notes=[
            "gain: updates a second over Model 0's of the same round",
            (
                "allowed: the FLOPs of an update of Model 0 over those of the layout's, by "
                "spaces/flops.py: no weight gradients for a reservoir. The optimizer's and the "
                "all-reduce's savings are not in it, nor are a reservoir's missing dropouts"
            ),
            "reached: gain over allowed; the goal is 95 % or more",
        ],
    )


def _table(size: Size, data: Path, options: Options) -> Table:
    torch.set_num_threads(N_THREADS)
    n_turns = size.n_first + N_ROUNDS
    trials = {model: trial(model, size, data, n_turns=n_turns) for model in MODELS}
    rates = alternate(
        {model: Turns(config) for model, config in trials.items()},
        n_rounds=N_ROUNDS,
        n_warm_up=size.n_first,
        seconds=options.seconds,
    )
    base = trials[BASE]
    rows = [
        _row(model, rates[model], rates[BASE], allowed=_flops(base) / _flops(trials[model]))
        for model in MODELS
    ]
    return Table(caption=f"{size}; {size.turn} updates a round", rows=rows)


def _row(model: str, rates: Sequence[float], base: Sequence[float], *, allowed: float) -> Row:
    gain = ratio(rates, base)
    return {
        "": model,
        "updates/s": Spread.of(rates),
        "gain": gain,
        "allowed": allowed,
        "reached, %": 100 * gain.median / allowed,
        "paper": PAPER.get(model),
    }


def _flops(config: TrialConfig) -> float:
    return training_flops_per_token(config.model, config.train, load_task(config.data))


if __name__ == "__main__":
    run(measure, __doc__, on_devices=True)
