"""The Tuner of a search, whether its trials train or are replayed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ray.tune import Callback, CheckpointConfig, FailureConfig, RunConfig, TuneConfig, Tuner
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from search.kept_weights import trial_dirname


def make_tuner(
    trainable: Any,
    *,
    searcher: Searcher,
    scheduler: TrialScheduler,
    callbacks: Sequence[Callback],
    place: Path,
    checkpoints: CheckpointConfig,
    max_restarts: int,
) -> Tuner:
    """A Tune experiment in the folder ``place`` that lasts until the searcher ends it.

    Args:
        trainable: a class with its resources, whose ``config`` has an ``id``.
        max_restarts: of a trial whose process died.
    """
    return Tuner(
        trainable,
        tune_config=TuneConfig(
            search_alg=searcher,
            scheduler=scheduler,
            num_samples=-1,  # the searcher ends the study
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial_dirname(trial.config["id"]),
        ),
        run_config=RunConfig(
            name=place.name,
            storage_path=str(place.parent.resolve()),
            callbacks=list(callbacks),
            failure_config=FailureConfig(max_failures=max_restarts),
            checkpoint_config=checkpoints,
            verbose=0,
        ),
    )
