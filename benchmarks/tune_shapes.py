"""One shape of a trial under Ray Tune, in a process of its own: the gaps between its trials.

Takes the shape's name, the number of trials and a trial as JSON; prints, as JSON, for each
trial but the first the seconds from the end of the one before to the training's begin and to
its own end.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import ray
import torch
from ray import tune
from ray.train import ScalingConfig
from ray.train.torch import TorchTrainer
from ray.tune import RunConfig, TuneConfig, Tuner

from search.cluster.ray_cluster import local_ray
from trainable.config import TrialConfig
from trainable.ranks import Ranks
from trainable.training import Training
from trainable.tune_trainable import ReservoirTrial, trial_resources

TIMES = "times.jsonl"


class TimedTrial(ReservoirTrial):
    """Our trainable, of which each trial is one step."""

    def step(self) -> dict[str, Any]:
        with _noting_times(self.config):
            return super().step()


def train_here(config: Mapping[str, Any]) -> None:
    """The plain function: all of a trial, in a process that ends with it."""
    training = _begin(config)
    with _noting_times(config):
        point = next(training.points())
    tune.report(point.to_dict())


def train_in_worker(config: Mapping[str, Any]) -> None:
    """Ray Train's trainer inside the trial, with one worker."""
    TorchTrainer(
        _train,
        train_loop_config=dict(config),
        scaling_config=ScalingConfig(
            num_workers=1, use_gpu=config["trial"]["ranks"]["gpus_per_rank"] > 0
        ),
        run_config=ray.train.RunConfig(storage_path=config["folder"]),
    ).fit()
    tune.report({})  # the worker's metrics don't come through without a checkpoint


def _train(config: Mapping[str, Any]) -> None:
    training = _begin(config)
    with _noting_times(config):
        point = next(training.points())
    ray.train.report(point.to_dict())


def _begin(config: Mapping[str, Any]) -> Training:
    trial = TrialConfig.model_validate(config["trial"])
    torch.set_num_threads(trial.ranks.cpus_per_rank)
    return Training(trial, ranks=Ranks())


@contextmanager
def _noting_times(config: Mapping[str, Any]) -> Iterator[None]:
    """Write down when the block began and when it ended, wherever it runs."""
    began = time.time()
    yield
    with (Path(config["folder"]) / TIMES).open("a") as file:
        file.write(json.dumps([began, time.time()]) + "\n")


SHAPES: Mapping[str, Callable[[TrialConfig], Any]] = {
    "ours": lambda trial: tune.with_resources(TimedTrial, trial_resources(trial.ranks)),
    "function": lambda trial: tune.with_resources(train_here, trial_resources(trial.ranks)),
    # The trial's own process only waits for the worker, which has a CPU of its own.
    "TorchTrainer": lambda _: tune.with_resources(train_in_worker, {"cpu": 1}),
}


def main() -> None:
    """Run the trials, then print the gaps."""
    shape, n_trials, text = sys.argv[1:]
    trial = TrialConfig.model_validate_json(text)
    with local_ray(), tempfile.TemporaryDirectory() as folder:
        Tuner(
            SHAPES[shape](trial),
            param_space={
                "trial": trial.model_dump(mode="json"),
                "resume_from": None,
                "folder": folder,
            },
            tune_config=TuneConfig(
                num_samples=int(n_trials), max_concurrent_trials=1, reuse_actors=shape == "ours"
            ),
            run_config=RunConfig(storage_path=folder, verbose=0),
        ).fit()
        lines = (Path(folder) / TIMES).read_text().splitlines()
    times = sorted(json.loads(line) for line in lines)
    print(
        json.dumps(
            [(began - before, ended - before) for (_, before), (began, ended) in pairwise(times)]
        )
    )


if __name__ == "__main__":
    main()
