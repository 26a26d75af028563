"""Running trials through Ray Tune, with records, MLflow and progress, for any searcher."""

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
from trainable.rehearsal import check_device
from trainable.shipped_corpus import ship_corpus
from trainable.tune_trainable import ReservoirTrial, trial_resources

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
    """Train the trials that ``searcher`` suggests; Ray must be running.

    Args:
        config: settings of the study; the progress counts up to its ``search.n_trials``.
        ledger: records of the trials so far, and of those to come.
        searcher: suggests trials until it is finished.
        scheduler: stops trials early.
        trainable: Tune's trainable with its resources, of ``trainable_for``.
        storage: where trials save their checkpoints.
        kept: frees the storage of ended trials, except for the weights that are kept.
        tracking: sends the records to MLflow; closed at the end.
        totals: metrics and tags of the parent run, called at the end, however the work ends.

    Returns:
        Whether MLflow has all records.

    Raises:
        OSError: a record or checkpoint could not be written, as on a full disk.
        WorkFailed: a trial met the same fault of its environment too often.
    """
    kept.clean_up()
    for record in ledger.records:
        tracking.note(record)  # an earlier driver may not have sent all of it
    with (
        _closing_mlflow(tracking, ledger, totals) as mlflow,
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
            restarts=True,
        )
        fit(tuner)
    return mlflow.is_complete


@contextmanager
def ray_for(config: StudyConfig, address: str | None) -> Iterator[None]:
    """Run Ray on this machine, or join the cluster at ``address``, while the context lasts.

    Raises:
        UserError: Ray's nodes are too small for a trial, torch cannot use this machine's GPUs,
            there is no Ray at the address, or its nodes share no storage.
    """
    with local_ray() if address is None else cluster_ray(address):
        refuse_what_cannot_fit(config.ranks, nodes_resources())
        if address is None:
            check_device(config.ranks, config.train)
        else:
            refuse_unshared(config)
        yield


def n_concurrent(config: StudyConfig) -> int:
    """Number of trials that may run now; it changes as nodes join and leave a cluster."""
    return config.search.n_concurrent or n_fitting_trials(config.ranks, nodes_resources())


def trainable_for(config: StudyConfig, folder: StudyFolder, address: str | None) -> Any:
    """Tune's trainable with its resources; on a cluster also with the data, for other nodes."""
    trainable: Any = ReservoirTrial
    if address is not None:
        trainable = tune.with_parameters(trainable, corpus=ship_corpus(Path(folder.data())))
    return tune.with_resources(trainable, trial_resources(config.ranks))


@dataclass(slots=True)
class _MlflowState:
    is_complete: bool = False  # set at the end


@contextmanager
def _closing_mlflow(tracking: Tracking, ledger: Ledger, totals: Totals) -> Iterator[_MlflowState]:
    """Close the parent run in MLflow with the status of the work, and mark interrupted trials."""
    mlflow = _MlflowState()
    status = "FAILED"
    try:
        yield mlflow
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        metrics, tags = totals()
        mlflow.is_complete = tracking.close(status, metrics=metrics, tags=tags)
        for record in ledger.records:
            if record.state == "running":
                tracking.interrupt(record)
