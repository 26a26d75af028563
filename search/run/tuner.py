"""Tune's Tuner for a search, whether its trials are trained or replayed."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any

from ray.tune import Callback, CheckpointConfig, FailureConfig, RunConfig, TuneConfig, Tuner
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher
from ray.tune.stopper import Stopper

from search.study.errors import WorkFailed
from search.study.kept_weights import trial_dirname
from search.study.storage import Storage
from spaces.errors import UserError
from trainable.private.tune import (
    keep_keys_off_command_lines,
    keep_last_errors,
    leave_out_snapshots,
)


def make_tuner(
    trainable: Any,
    *,
    searcher: Searcher,
    scheduler: TrialScheduler,
    callbacks: Sequence[Callback],
    storage: Storage,
    session: str,
    checkpoints: CheckpointConfig,
    restarts: bool,
    stopper: Stopper | None = None,
) -> Tuner:
    """Tune experiment that lasts until the searcher ends it.

    Args:
        trainable: a Tune trainable with its resources; each trial's ``config`` has an ``id``.
        searcher: suggests trials until it is finished.
        scheduler: stops trials early.
        callbacks: called by Tune on each event of a trial.
        storage: where Tune saves the experiment and its checkpoints.
        session: name of the experiment's folder in ``storage``.
        checkpoints: how often a trial is saved, and how many checkpoints stay.
        restarts: whether a trial that raised an error, or whose process died, goes on from its
            last checkpoint, as often as the callbacks let it.
        stopper: ends the experiment before the searcher does, if given.
    """
    leave_out_snapshots()
    keep_keys_off_command_lines()
    keep_last_errors()
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
            name=session,
            storage_path=storage.uri,
            callbacks=list(callbacks),
            stop=stopper,
            failure_config=FailureConfig(max_failures=-1 if restarts else 0),
            checkpoint_config=checkpoints,
            verbose=0,
        ),
    )


def fit(tuner: Tuner) -> None:
    """Run the experiment; errors of a full disk, of trials and of the user come out unwrapped.

    Raises:
        OSError: a record could not be written.
        WorkFailed: a trial met a fault too often.
        UserError: a class of the user's own broke a rule.
    """
    try:
        tuner.fit()
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            is_full = isinstance(cause, OSError) and cause.errno == errno.ENOSPC
            if is_full or isinstance(cause, (UserError, WorkFailed)):
                raise cause from None
            cause = cause.__cause__ or cause.__context__
        raise
