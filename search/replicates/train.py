"""Training of the replicates of a plan, with the records, MLflow and storage of a search."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from ray.tune.schedulers import FIFOScheduler

from search.costs.estimate import estimate
from search.costs.work import replicates_work
from search.replicates.plans import Plan, trials_ahead
from search.replicates.replicate_trials import ReplicateTrials
from search.run.deadline import Deadline
from search.run.tensorboard import tensorboard_logs
from search.run.trial_runner import n_concurrent, ray_for, run_trials, trainable_for
from search.study.config import StudyConfig
from search.study.console import doing
from search.study.errors import WorkFailed
from search.study.folder import StudyFolder
from search.study.kept_weights import KeptWeights, latest_checkpoint
from search.study.learning_warnings import learning_warnings
from search.study.ledger import Ledger, sorted_records
from search.study.storage import check_storage, study_storage
from search.suggest.searcher import TrialSearcher
from search.tracking.store import check_store
from search.tracking.tracking import Tracking
from trainable.rehearsal import rehearse_any

logger = logging.getLogger(__name__)


@contextmanager
def ray_for_replicates(
    config: StudyConfig, plan: Plan, *, folder: StudyFolder, data: str, address: str | None
) -> Iterator[float | None]:
    """Start Ray, after checks that the replicates can be trained; gives a trial's seconds.

    They are those of the estimate, None where it has none.

    Args:
        folder: folder of the trials; it need not exist, so that a refusal leaves nothing behind.
        data: folder of prepared data.
        address: address of a Ray cluster; this machine alone if absent.

    Raises:
        UserError: the data, MLflow, the storage or Ray can't be reached, or the trials would
            fill a disk or the memory.
    """
    check_store(config)
    check_storage(config)
    n_least, n_most = trials_ahead(plan, sorted_records(folder.trials))
    if n_most:
        _check_settings(config, plan, data)
    work = replicates_work(
        config,
        [entrant.candidate for entrant in plan.lineup.entrants],
        data,
        place=folder.path,
        n_least=n_least,
        n_most=n_most,
        n_together=plan.n_together,
    )
    with ray_for(config, address):
        yield estimate(work) if n_most else None


def _check_settings(config: StudyConfig, plan: Plan, data: str) -> None:
    """Check that a trial of the plan can begin, and warn of settings that keep all from learning.

    Raises:
        UserError: none can.
    """
    with doing("reading the data and checking the settings"):
        rehearse_any(
            entrant.trial(config, data=data, seed=config.seed) for entrant in plan.lineup.entrants
        )
    for warning in learning_warnings(config.unstopped):
        logger.warning("%s", warning)


def train_replicates(
    folder: StudyFolder,
    plan: Plan,
    *,
    address: str | None,
    deadline: Deadline | None,
    expected_s: float | None,
) -> None:
    """Train the plan's missing trials, each to its end, and keep the best weights of all.

    Call it within ``ray_for_replicates``, with the same address and the seconds that it gives.

    Raises:
        NotFinished: the deadline has come.
        UserError: another driver holds the folder.
        WorkFailed: no trial was completed.
    """
    config = folder.config()
    storage = study_storage(folder)
    with folder.locked(), Ledger.in_order(folder.trials) as ledger:
        plan.lineup.save(folder.path)
        with doing("opening MLflow's store"):
            tracking = Tracking.start(config, folder, ledger)
        run_trials(
            config.unstopped,
            ledger,
            searcher=TrialSearcher(
                ledger,
                ReplicateTrials(config, ledger, plan, data=folder.data()),
                n_concurrent=partial(n_concurrent, config),
                resume_from=lambda record: latest_checkpoint(storage, record),
            ),
            scheduler=FIFOScheduler(),  # all trials have the same budget
            trainable=trainable_for(config, folder, address),
            storage=storage,
            kept=KeptWeights(storage, config.objective, ledger.records, n_kept=None),
            tracking=tracking,
            totals=lambda: ({"n_trained": float(ledger.n_trained)}, {}),
            deadline=deadline,
            go_on="the same command",
            callbacks=tensorboard_logs(config, folder),
            expected_s=expected_s,
        )
        records = ledger.records
    if all(record.state != "completed" for record in records):
        reasons = [record.reason for record in records if record.reason]
        last = f"; the last said: {reasons[-1]}" if reasons else ""
        raise WorkFailed(f"{folder.path}: no trial was completed{last}")
