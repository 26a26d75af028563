"""Running trials through Ray Tune, whoever chooses them, with everything written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune import CheckpointConfig
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from search.cluster.ray_cluster import cluster_ray, local_ray
from search.cluster.resources import n_fitting_trials, nodes_resources, refuse_what_cannot_fit
from search.cluster.shared_storage import refuse_unshared
from search.run.progress import Progress
from search.run.recorder import Recorder
from search.run.tuner import fit, make_tuner
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.kept_weights import KeptWeights, next_session
from search.study.ledger import Ledger
from search.study.storage import Storage
from search.tracking.tracking import Tracking
from trainable.shipped_corpus import ship_corpus
from trainable.tune_trainable import ReservoirTrial, trial_resources

MAX_RESTARTS = 3  # of a trial whose process died; each goes on from the last checkpoint

Totals = Callable[[], tuple[dict[str, float], dict[str, str]]]  # metrics and tags of the parent run


def run_trials(
    config: StudyConfig,
    ledger: Ledger,
    *,
    searcher: Searcher,
    scheduler: TrialScheduler,
    trainable: Any,
    storage: Storage,
    kept: KeptWeights,
    tracking: Tracking,
    totals: Totals,
) -> bool:
    """Train what ``searcher`` hands out, on a Ray that is up; False if MLflow lacks something.

    Args:
        config: the study's; its ``search.n_trials`` is what the progress counts up to.
        kept: whose weights stay when a trial has ended.
        totals: what MLflow is told in the end, however it comes.
    """
    kept.clean_up()
    for record in ledger.records:
        tracking.note(record)  # what an earlier driver could not send
    with (
        _ending_mlflow(tracking, ledger, totals) as ending,
        Progress(config, ledger) as progress,
    ):
        tuner = make_tuner(
            trainable,
            searcher=searcher,
            scheduler=scheduler,
            callbacks=[Recorder(kept, ledger, [tracking.note, progress.note])],
            storage=storage,
            session=next_session(storage),
            checkpoints=CheckpointConfig(checkpoint_frequency=1, num_to_keep=2),
            max_restarts=MAX_RESTARTS,
        )
        fit(tuner)
    return ending.is_complete


@contextmanager
def ray_for(config: StudyConfig, address: str | None) -> Iterator[None]:
    """Ray here or at ``address``, for as long as the context lasts, if it can hold a trial.

    Raises:
        UserError: it can't, there is no Ray at the address, or its nodes share no storage.
    """
    with local_ray() if address is None else cluster_ray(address):
        refuse_what_cannot_fit(config.ranks, nodes_resources())
        if address is not None:
            refuse_unshared(config)
        yield


def n_concurrent(config: StudyConfig) -> int:
    """How many trials may run now: nodes join a cluster and leave it."""
    return config.search.n_concurrent or n_fitting_trials(config.ranks, nodes_resources())


def trainable_for(config: StudyConfig, folder: StudyFolder, address: str | None) -> Any:
    """What Tune trains; on a cluster with the data for nodes that don't have them."""
    trainable: Any = ReservoirTrial
    if address is not None:
        trainable = tune.with_parameters(trainable, corpus=ship_corpus(Path(folder.data())))
    return tune.with_resources(trainable, trial_resources(config.ranks))


@dataclass(slots=True)
class _Ending:
    is_complete: bool = False


@contextmanager
def _ending_mlflow(tracking: Tracking, ledger: Ledger, totals: Totals) -> Iterator[_Ending]:
    """End the parent run in MLflow as the work ended, interrupted trials included."""
    ending = _Ending()
    status = "FAILED"
    try:
        yield ending
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        metrics, tags = totals()
        ending.is_complete = tracking.close(status, metrics=metrics, tags=tags)
        for record in ledger.records:
            if record.state == "running":
                tracking.interrupt(record)
