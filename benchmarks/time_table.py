"""Time the trials of a table anew, one after the other on a quiet machine.

A grid takes hours, and a machine that does other things meanwhile gives its trials
seconds that do not compare. Here each layout makes some updates by itself, in turn, and
the table's seconds become updates times the median seconds an update.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch
from rich.progress import track

from benchmarks.machine import SEED, machine
from search.cli import exit_code
from search.replay.table_file import read_table, write_table
from search.replay.trial_table import RecordedTrial, TrialTable
from trainable.config import Budget, TrialConfig, ValidationConfig
from trainable.ranks import Ranks
from trainable.training import Training

N_ROUNDS = 2
N_TURNS, N_UPDATES = 3, 8  # of a round; the first turn warms up


def main() -> None:
    """Read the command line and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.time_table", description=__doc__)
    parser.add_argument("table", type=Path, help="a table file; it is replaced")
    parser.add_argument("--data", type=Path, required=True, help="the prepared data folder")
    options = parser.parse_args()
    sys.exit(exit_code(lambda: time_table(options.table, options.data)))


def time_table(path: Path, data: Path) -> None:
    """Replace the table's seconds by those measured here, and say so in it.

    Raises:
        UserError: the table or the data cannot be read.
    """
    table = read_table(path)
    torch.set_num_threads(table.study.ranks.cpus_per_rank)
    seconds = _seconds_per_update(table, data)
    trials = tuple(_timed(trial, seconds[trial.candidate.key]) for trial in table.trials)
    made = {**table.made, "timed on": machine()["machine"], "timed with": machine()["commit"]}
    write_table(replace(table, trials=trials, made=made), path)


def _seconds_per_update(table: TrialTable, data: Path) -> dict[str, float]:
    """The median over rounds and turns, by candidate; each round in an order of its own."""
    rng = random.Random(SEED)
    measured: dict[str, list[float]] = {key: [] for key in table.by_key}
    for _ in range(N_ROUNDS):
        keys = rng.sample(list(measured), len(measured))
        for key in track(keys, description="timing layouts"):
            trial = table.by_key[key][0]
            config = table.study.trial(trial.candidate, data=str(data.resolve()))
            measured[key] += _turns(config)
    return {key: median(values) for key, values in measured.items()}


def _turns(config: TrialConfig) -> Iterator[float]:
    """Seconds an update of each turn but the first."""
    config = config.model_copy(
        update={
            "budget": Budget(updates=N_TURNS * N_UPDATES),
            "validation": ValidationConfig(interval_updates=N_UPDATES, n_sentences=1),
        }
    )
    points = list(Training(config, ranks=Ranks()).points())
    for before, after in pairwise(points):
        yield (after.seconds - before.seconds) / (after.updates - before.updates)


def _timed(trial: RecordedTrial, seconds: float) -> RecordedTrial:
    curve = tuple(replace(point, seconds=point.updates * seconds) for point in trial.curve)
    return replace(trial, curve=curve)


if __name__ == "__main__":
    main()
