"""Starting and resuming a study: searcher, scheduler, and the trials of earlier sessions."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from search.costs.estimate import estimate
from search.costs.study_sizes import sized_trials
from search.costs.work import search_work
from search.run.deadline import Deadline
from search.run.limited_trials import LimitedTrials, failures_fault
from search.run.search_time import SearchTime
from search.run.study_totals import study_totals
from search.run.tensorboard import tensorboard_logs
from search.run.trial_runner import n_concurrent, ray_for, run_trials, trainable_for
from search.schedule.schedulers import (
    check_scheduler,
    make_scheduler,
    show_earlier,
    show_other_studies,
)
from search.schedule.sparing_scheduler import SparingScheduler
from search.study.changed_settings import changed_settings
from search.study.config import StudyConfig
from search.study.console import doing
from search.study.errors import WorkFailed
from search.study.folder import StudyFolder, make_study_folder, place_for_study
from search.study.kept_weights import KeptWeights, latest_checkpoint
from search.study.learning_warnings import learning_warnings
from search.study.ledger import Ledger, n_searched, read_records, sorted_records
from search.study.place import settle_place
from search.study.ranking import best_trial
from search.study.storage import check_storage, study_storage
from search.study.task_settings import settled
from search.study.trial_record import TrialRecord
from search.suggest.algorithms import check_algorithm
from search.suggest.earlier_studies import EarlierTrial, earlier_trials
from search.suggest.longer_trials import lengthen_trials, refuse_what_keeps_its_budget
from search.suggest.proxy import Proxy
from search.suggest.reference_trials import ReferenceTrials
from search.suggest.searcher import TrialSearcher
from search.suggest.study_trials import StudyTrials
from search.suggest.suggestion_counts import SuggestionCounts
from search.suggest.trial_source import TrialSource
from search.tracking.store import check_store
from search.tracking.tracking import Tracking
from spaces.errors import UserError
from trainable.dynamics.measure import untrained_dynamics
from trainable.model_size import candidate_size
from trainable.rehearsal import rehearse_any
from trainable.tasks.registry import load_task, metric_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResult:
    """State of a study after a driver has worked on it."""

    folder: StudyFolder
    counts: SuggestionCounts
    mlflow_is_complete: bool  # False if some records could not be sent


def start_study(
    config: StudyConfig,
    study_file: Path,
    *,
    address: str | None = None,
    deadline: Deadline | None = None,
) -> StudyResult:
    """Make the study's folder and search until its trials are done.

    Args:
        config: settings of the study.
        study_file: TOML file that they came from; a copy goes into the study's folder.
        address: HOST:PORT of a Ray cluster, or ``auto``; None for this machine alone.
        deadline: moment to end, finished or not; None to end with the last trial.

    Raises:
        NotFinished: the deadline has come.
        UserError: the study exists, or its data or settings cannot be used.
        WorkFailed: no trial was completed.
    """
    place_for_study(config.name)  # before Ray starts, which takes a while
    data = Path(config.data)
    # A study that can never run is refused before its folder is made.
    check_algorithm(config)
    check_scheduler(config)
    check_store(config)
    check_storage(config)
    with doing("reading the data and checking the settings"):
        config = settled(config, load_task(str(data.resolve())))
        for warning in learning_warnings(config):
            logger.warning("%s", warning)
        rehearse_any(sized_trials(config, str(data.resolve())))
        earlier = earlier_trials(config, data)
    with ray_for(config, address):
        expected_s = estimate(search_work(config, str(data.resolve())))
        folder = make_study_folder(config, study_file, data)
        with folder.locked():
            trainable = trainable_for(config, folder, address)
            return _search(config, folder, earlier, trainable, deadline, expected_s=expected_s)


def resume_study(
    folder: StudyFolder,
    *,
    n_trials: int | None = None,
    settings: Sequence[str] = (),
    retried: Collection[int] | None = None,
    address: str | None = None,
    deadline: Deadline | None = None,
) -> StudyResult:
    """Resume an interrupted study, or give a finished one more trials.

    Args:
        folder: the study's.
        n_trials: new number of trials in all; None leaves it as it is.
        settings: ``search.KEY=VALUE`` or ``budget.KEY=VALUE`` that change from now on; few may.
        retried: ids of failed trials to train again, all if empty; None trains none of them.
        address: HOST:PORT of a Ray cluster, or ``auto``; None for this machine alone.
        deadline: moment to end, finished or not; None to end with the last trial.

    Raises:
        NotFinished: the deadline has come.
        UserError: another driver holds the study, or its data or settings cannot be used.
        WorkFailed: no trial was completed.
    """
    folder.require_search("resume")
    config = changed_settings(folder.config(), _changes(settings, n_trials))
    check_algorithm(config)
    check_scheduler(config)
    settle_place(folder)
    with folder.locked():
        check_storage(config)
        with doing("reading the data and checking the settings"):
            rehearse_any(sized_trials(config, folder.data()))
            earlier = earlier_trials(config, Path(folder.data()))
        again = [] if retried is None else failed_ids(read_records(folder.trials), retried)
        if config != folder.config():
            _refuse_fewer(config, folder)
            if config.budget != folder.config().budget:
                refuse_what_keeps_its_budget(config, folder)
            folder.resolve(config)
        lengthen_trials(folder, config)
        work = search_work(
            config,
            folder.data(),
            place=folder.path,
            records=sorted_records(folder.trials),
            retried=again,
        )
        with ray_for(config, address):
            expected_s = estimate(work) if work.n_least else None
            trainable = trainable_for(config, folder, address)
            return _search(
                config, folder, earlier, trainable, deadline, retried=again, expected_s=expected_s
            )


def failed_ids(records: Mapping[int, TrialRecord], named: Collection[int]) -> list[int]:
    """Ids of the failed trials among ``named``; of all of them if none is named.

    Raises:
        UserError: a named trial is not there, or did not fail.
    """
    for id_ in named:
        if id_ not in records:
            raise UserError(
                f"--retry-failed {id_}: the study has no such trial; reservoir-search show has all"
            )
        if records[id_].state != "failed":
            raise UserError(
                f"--retry-failed {id_}: the trial is {records[id_].state}; name failed ones alone"
            )
    failed = [id_ for id_, record in sorted(records.items()) if record.state == "failed"]
    return [id_ for id_ in failed if not named or id_ in named]


def _changes(settings: Sequence[str], n_trials: int | None) -> list[str]:
    return [*settings, *([] if n_trials is None else [f"search.n_trials={n_trials}"])]


def _refuse_fewer(config: StudyConfig, folder: StudyFolder) -> None:
    """Check that the study is to have at least as many trials as it has.

    Raises:
        UserError: it has more.
    """
    n_trials, n_before = config.search.n_trials, n_searched(read_records(folder.trials).values())
    if n_trials < n_before:
        raise UserError(f"--trials {n_trials}: the study has {n_before} trials already; give more")


def _search(
    config: StudyConfig,
    folder: StudyFolder,
    earlier: Sequence[EarlierTrial],
    trainable: Any,
    deadline: Deadline | None,
    *,
    expected_s: float | None,
    retried: Collection[int] = (),
) -> StudyResult:
    storage, data = study_storage(folder), folder.data()
    with SearchTime.of_session(folder) as time, Ledger.in_order(folder.trials) as ledger:
        trials = StudyTrials.open(
            config,
            ledger,
            optuna_log=folder.optuna_log,
            data=data,
            size=candidate_size,
            metric=metric_of(data).name,
            earlier=earlier,
            proxy=_proxy(config),
        )
        # Only now: a study that is refused has no run that counts as running.
        with doing("opening MLflow's store"):
            tracking = Tracking.start(config, folder, ledger)
        trials.retry(retried)
        scheduler = make_scheduler(config, lambda: ledger.records)
        show_earlier(scheduler, [r for r in ledger.records if r.state != "running"])
        show_other_studies(scheduler, [trial.record for trial in earlier])
        source: TrialSource = trials
        if config.search.references:
            source = references = ReferenceTrials(config, ledger, trials)
            scheduler = SparingScheduler(scheduler, ledger, references.is_reference)
        searcher = TrialSearcher(
            ledger,
            LimitedTrials(source, config.search, ledger, time),
            n_concurrent=partial(n_concurrent, config),
            resume_from=lambda record: latest_checkpoint(storage, record),
        )
        mlflow_is_complete = run_trials(
            config,
            ledger,
            searcher=searcher,
            scheduler=scheduler,
            trainable=trainable,
            storage=storage,
            kept=KeptWeights(storage, config.objective, ledger.records),
            tracking=tracking,
            totals=lambda: study_totals(trials.counts(), ledger.records, config, data=data),
            deadline=deadline,
            go_on=f"reservoir-search resume {folder.argument}",
            callbacks=tensorboard_logs(config, folder),
            expected_s=expected_s,
        )
        _refuse_no_result(ledger, folder, config, trials.last_refusal)
        return StudyResult(
            folder=folder, counts=trials.counts(), mlflow_is_complete=mlflow_is_complete
        )


def _refuse_no_result(
    ledger: Ledger, folder: StudyFolder, config: StudyConfig, last_refusal: str | None
) -> None:
    """Check that the search came to a result.

    Raises:
        WorkFailed: too many trials failed, or none was completed.
    """
    fault = failures_fault(ledger.records, config.search.max_failed)
    if fault is not None:
        raise WorkFailed(f"study {config.name}: {fault}; {_after_failures(folder)}")
    if best_trial(ledger.records, config.objective) is None:
        raise WorkFailed(_why_nothing_completed(ledger, config, last_refusal))


def _after_failures(folder: StudyFolder) -> str:
    resume = f"reservoir-search resume {folder.argument}"
    return f"train them again with: {resume} --retry-failed; or raise it with --set"


def _proxy(config: StudyConfig) -> Proxy | None:
    chosen = config.search.proxy
    if chosen is None:
        return None
    return Proxy(chosen, lambda trial: untrained_dynamics(trial).get(chosen.measure))


def _why_nothing_completed(ledger: Ledger, config: StudyConfig, last_refusal: str | None) -> str:
    states = Counter(record.state for record in ledger.records)
    counts = ", ".join(f"{n} {state}" for state, n in sorted(states.items())) or "none was trained"
    reasons = [last_refusal] if last_refusal else []
    reasons += [record.reason for record in ledger.records if record.reason]
    last = f"; the last reason: {reasons[-1]}" if reasons else ""
    return f"study {config.name}: no trial was completed within the bounds ({counts}){last}"
