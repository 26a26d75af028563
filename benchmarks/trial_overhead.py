"""Trial overhead: from the end of a trial to the first update of the next, under Ray Tune.

Our trainable, whose processes live on, against a plain function (a new process for each
trial) and Ray Train's `TorchTrainer` inside the trial. One trial at a time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.alternate import alternate
from benchmarks.command import Options, run
from benchmarks.corpora import grammar_data
from benchmarks.machine import SEED, machine
from benchmarks.models import Size, sizes
from benchmarks.models import trial as paper_trial
from benchmarks.processes import run_module
from benchmarks.result import Report, Row, Table
from benchmarks.spread import Spread
from search.study.errors import WorkFailed
from spaces.layout import Layout
from trainable.config import Budget, ModelConfig, TrialConfig, ValidationConfig

logger = logging.getLogger(__name__)

N_ROUNDS = 2
# TorchTrainer takes longest, and may wait for ever where it finds no free CPU.
N_TRIALS = {"ours": 8, "function": 4, "TorchTrainer": 2}
IN_SECONDS = {"ours": 5, "function": 3}  # number of trials in a given time
SECONDS = 180.0  # time-out for the trials of a shape, Ray's start included
NAMES = {
    "ours": "class trainable, reused (ours)",
    "function": "function trainable",
    "TorchTrainer": "TorchTrainer in a trial, one worker",
}


def measure(options: Options) -> Report:
    """The gaps of each shape."""
    data = options.data or grammar_data()
    trial = _trial(data, sizes(options.device)[-1])
    n_trials = N_TRIALS if options.seconds is None else IN_SECONDS
    gaps = alternate(
        {name: partial(_gaps, name, n, trial) for name, n in n_trials.items()},
        n_rounds=N_ROUNDS,
        seconds=options.seconds,
    )
    return Report(
        name=options.name("trial_overhead"),
        title="Trial overhead",
        header={
            **machine(),
            "model": f"encoder {trial.model.encoder}, decoder {trial.model.decoder}, "
            f"d_model {trial.model.d_model}",
            "measured": f"{options.rounds(N_ROUNDS)}, trials of one update",
        },
        tables=[
            Table(
                caption="Seconds from the end of a trial to the first update of the next, and to "
                "the end of that update and a validation of one sentence",
                rows=[_row(name, gaps[name]) for name in n_trials],
            )
        ],
        notes=[
            "within: to import, to build the model, to load the data, to save the last checkpoint",
            "on a GPU what is prepared with the first update, as compiled code, is in the second",
            (
                f"a shape that takes longer than {SECONDS:g} s for its trials is ended, and has "
                "fewer gaps or none"
            ),
        ],
    )


def _trial(data: Path, size: Size) -> TrialConfig:
    """Trial of one update; on a GPU at the paper's size."""
    config = TrialConfig(
        data=str(data.resolve()),
        seed=SEED,
        model=ModelConfig(encoder=Layout.parse("LRLR"), decoder=Layout.parse("LL")),
        validation=ValidationConfig(n_sentences=1),
        budget=Budget(updates=1),
    )
    if not size.gpus:
        return config
    large = paper_trial("model2", size, data, n_turns=1)
    return config.model_copy(
        update={"model": large.model, "train": large.train, "ranks": large.ranks}
    )


def _gaps(shape: str, n_trials: int, trial: TrialConfig) -> list[tuple[float, float]]:
    """The gaps that a shape has; none where its trials do not end in time."""
    arguments = [shape, str(n_trials), trial.model_dump_json()]
    try:
        ended = run_module("benchmarks.tune_shapes", arguments, seconds=SECONDS)
    except WorkFailed as error:
        logger.warning("shape=%s %s", shape, error)
        return []
    return [(begin, end) for begin, end in json.loads(ended.last_line)]


def _row(shape: str, rounds: Sequence[Sequence[tuple[float, float]]]) -> Row:
    gaps = [gap for gaps in rounds for gap in gaps]
    return {
        "": NAMES[shape],
        "seconds": Spread.of(begin for begin, _ in gaps) if gaps else None,
        "with the update": Spread.of(end for _, end in gaps) if gaps else None,
        "gaps": len(gaps),
    }


if __name__ == "__main__":
    run(measure, __doc__, on_devices=True)
