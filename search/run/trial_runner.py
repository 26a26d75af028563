"""Running trials through Ray Tune, with records, MLflow and progress, for any searcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune import Callback, CheckpointConfig
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from search.cluster.ray_cluster import cluster_ray, local_ray
from search.cluster.resources import n_fitting_trials, nodes_resources, refuse_what_cannot_fit
from search.cluster.shared_storage import refuse_unshared
from search.run.deadline import Deadline
from search.run.progress import Progress
from search.run.recorder import Recorder
from search.run.tuner import fit, make_tuner
from search.run.until_deadline import UntilDeadline
from search.study.config import StudyConfig
from search.study.console import doing
from search.study.errors import NotFinished, WorkFailed
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
    deadline: Deadline | None,
    go_on: str,
    callbacks: Sequence[Callback] = (),
    expected_s: float | None = None,
) -> bool:
    """Train the trials that ``searcher`` suggests; Ray must be running.

    Args:
        config, ledger: settings of the study; records of the trials so far, and of those to come.
        searcher, scheduler: suggests trials until it is finished; stops some early.
        trainable: Tune's trainable with its resources, of ``trainable_for``.
        storage, kept: where trials save their checkpoints; frees it of ended trials' others.
        tracking: sends the records to MLflow; closed at the end.
        totals: metrics and tags of the parent run, called at the end, however the work ends.
        deadline, go_on: end of the session, if it has one; the command that continues then.
        callbacks: further ones of Tune's.
        expected_s: as of ``TimeLeft``.

    Returns:
        Whether MLflow has all records.

    Raises:
        NotFinished: the deadline has come; trials that ran stay ``running``.
        OSError: a record or checkpoint could not be written, as on a full disk.
        WorkFailed: the deadline came before any progress, or a trial met a fault too often.
    """
    kept.clean_up()
    for record in ledger.records:
        tracking.note(record)  # an earlier driver may not have sent all of it
    before = _progress(ledger)
    with (
        _closing_mlflow(tracking, ledger, totals) as mlflow,
        Progress(config, ledger, searcher.n_to_come, expected_s) as progress,
    ):
        tuner = make_tuner(
            trainable,
            searcher=searcher,
            scheduler=scheduler,
            callbacks=[Recorder(kept, ledger, [tracking.note, progress.note]), *callbacks],
            storage=storage,
            session=next_session(storage),
            checkpoints=CheckpointConfig(checkpoint_frequency=1, num_to_keep=2),
            restarts=True,
            stopper=None if deadline is None else UntilDeadline(deadline, ledger),
        )
        fit(tuner)
        if deadline is not None and deadline.is_near:
            _tell_not_finished(ledger, deadline, go_on, is_progress=_progress(ledger) > before)
    return mlflow.is_complete


def _progress(ledger: Ledger) -> tuple[int, int]:
    """Numbers of ended trials and of validations so far; any progress makes it greater."""
    n_ended = sum(record.state != "running" for record in ledger.records)
    return n_ended, sum(len(record.curve) for record in ledger.records)


def _tell_not_finished(
    ledger: Ledger, deadline: Deadline, go_on: str, *, is_progress: bool
) -> None:
    if not is_progress:
        for record in ledger.records:
            if record.state == "running" and record.reason:  # the fault before its next attempt
                raise WorkFailed(
                    f"trial {record.id}: {record.reason}; the time of --for was over before it "
                    "came further; resume goes on with it"
                )
        raise WorkFailed(
            f"no trial came to a validation within {deadline.duration}, so that nothing is kept; "
            "give --for more time, or set validation.interval_updates lower"
        )
    n_running = sum(record.state == "running" for record in ledger.records)
    n_ended = len(ledger) - n_running
    raise NotFinished(
        f"the time is over; trials that have ended: {n_ended}, to go on from their last "
        f"validation: {n_running}; continue with: {go_on}"
    )


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
    except (KeyboardInterrupt, NotFinished):
        status = "KILLED"
        raise
    finally:
        metrics, tags = totals()
        with doing("sending the last records to MLflow"):
            mlflow.is_complete = tracking.close(status, metrics=metrics, tags=tags)
        for record in ledger.records:
            if record.state == "running":
                tracking.interrupt(record)
