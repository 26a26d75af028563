"""Repair of a study's stores, as far as it needs no training."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from search.doctor.checkpoints import unknown_trials
from search.doctor.copies import copies_kept, keep_copy, set_aside
from search.doctor.rebuild import Memories, corrected, missing
from search.doctor.runs import contradiction
from search.doctor.suggestions import check_suggestions
from search.doctor.trials import differing_fields
from search.run.study_totals import study_totals
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.kept_weights import KeptWeights, remove_trial, stored_checkpoints
from search.study.ledger import Ledger
from search.study.ledger_lines import read_contents
from search.study.storage import Storage, study_storage
from search.study.trial_record import TrialRecord
from search.suggest.journal_rebuild import rebuild_journal, salvage_journal
from search.suggest.suggestion_journal import SuggestionJournal
from search.suggest.suggestions import ended_without_trial
from search.tracking.experiment import open_experiment
from search.tracking.runs import runs_by_trial, study_runs
from search.tracking.store import (
    fault_of_database,
    is_own,
    mlflow_errors_as_user_errors,
    tracking_uri,
)
from search.tracking.tracking import Tracking
from spaces.errors import UserError
from trainable.checkpoint import BEST_WEIGHTS

logger = logging.getLogger(__name__)


def repair_study(config: StudyConfig, folder: StudyFolder) -> None:
    """Bring ``trials.jsonl``, Optuna, storage and MLflow in line with each other.

    What ``trials.jsonl`` lost comes back from the others; then it is what they are measured by.
    A copy of each file that is changed stays, and of MLflow's database where it loses something.

    Raises:
        UserError: MLflow cannot be reached.
    """
    fault = fault_of_database(folder.mlflow_database)
    if fault is not None and is_own(tracking_uri(config, folder), folder):
        aside = set_aside(folder.mlflow_database)
        logger.warning("mlflow.db is made again (%s); the damaged one is %s", fault, aside)
    with copies_kept([folder.trials, folder.optuna_log]):
        rebuild_records(config, folder)
        _repair(config, folder)


def _repair(config: StudyConfig, folder: StudyFolder) -> None:
    with Ledger.in_order(folder.trials) as ledger:  # drops torn lines
        journal = _repair_suggestions(config, folder, ledger)
        _repair_storage(config, folder, ledger)
        _keep_runs(config, folder, ledger)
        tracking = Tracking.start(config, folder, ledger)
        _repair_runs(config, folder, ledger)
        for record in ledger.records:
            tracking.note(record)
        is_over = ledger.n_searched >= config.search.n_trials and all(
            record.state != "running" for record in ledger.records
        )
        counts = journal.counts(n_trained=ledger.n_trained)
        metrics, tags = study_totals(counts, ledger.records, config)
        tracking.close("FINISHED" if is_over else "KILLED", metrics=metrics, tags=tags)
        for record in ledger.records:
            if record.state == "running":
                tracking.interrupt(record)


def rebuild_records(config: StudyConfig, folder: StudyFolder) -> None:
    """Rewrite ``trials.jsonl`` with derived fields computed again and lost trials put back."""
    contents = read_contents(folder.trials)
    records = {id_: _computed_again(r, config) for id_, r in contents.records.items()}
    memories = _memories(config, folder, list(records.values()))
    better = corrected(records, memories)
    damaged = {line.id for line in contents.damaged if line.id is not None}
    found = missing({**records, **better}, damaged, memories)
    for record in (*better.values(), *found.values()):
        logger.warning("trial %d (%s) is put back into trials.jsonl", record.id, record.state)
    for line in contents.damaged:
        logger.warning("trials.jsonl: %s; a copy of the file stays", line)
    after = {**records, **better, **found}
    if contents.damaged or after != contents.records:
        Ledger(folder.trials, after).compact()


def _computed_again(record: TrialRecord, config: StudyConfig) -> TrialRecord:
    try:
        return dataclasses.replace(record, **differing_fields(record, config))
    except ValueError:  # the curve itself is broken
        return record


def _memories(config: StudyConfig, folder: StudyFolder, records: Sequence[TrialRecord]) -> Memories:
    uri, storage = tracking_uri(config, folder), study_storage(folder)
    client = None
    runs: dict[int, list[Run]] = {}
    # A client would make a store where there is none.
    if not is_own(uri, folder) or folder.mlflow_database.exists():
        with mlflow_errors_as_user_errors(uri):
            client = MlflowClient(uri)
            open_experiment(client, folder)  # its files are at hand, wherever the folder was moved
            runs = runs_by_trial(study_runs(client, folder, records))
    stored = stored_checkpoints(storage)
    return Memories(
        config=config,
        data=folder.data(),
        client=client,
        runs=runs,
        journal=salvage_journal(folder.optuna_log, config, records),
        storage=storage,
        stored={id_ for id_, checkpoints in stored.items() if _hold_weights(checkpoints)},
    )


def _hold_weights(checkpoints: Sequence[Storage]) -> bool:
    return any(BEST_WEIGHTS in checkpoint.files() for checkpoint in checkpoints)


def _repair_suggestions(
    config: StudyConfig, folder: StudyFolder, ledger: Ledger
) -> SuggestionJournal:
    """Report to Optuna the outcomes it lacks, as each driver does when it starts.

    A journal that is damaged, or contradicts the trials, is written anew.
    """
    try:
        journal = _settled_journal(config, folder, ledger)
    except UserError as error:
        faults: Sequence[str] = [str(error)]
    else:
        faults = check_suggestions(folder.optuna_log, ledger.records, config).faults
    if faults:
        logger.warning("optuna.log is written anew, a copy stays: %s", faults[0])
        rebuild_journal(folder.optuna_log, config, ledger.records)
        journal = _settled_journal(config, folder, ledger)
    return journal


def _settled_journal(config: StudyConfig, folder: StudyFolder, ledger: Ledger) -> SuggestionJournal:
    journal = SuggestionJournal.open(config, folder.optuna_log, lambda: ledger.records)
    journal.settle(ledger.records)
    journal.write_off(ended_without_trial(journal.trials, ledger.records))
    return journal


def _repair_storage(config: StudyConfig, folder: StudyFolder, ledger: Ledger) -> None:
    storage = study_storage(folder)
    stored = stored_checkpoints(storage)
    for id_ in unknown_trials(storage, ledger.records):
        if not _hold_weights(stored[id_]):  # weights are for a person to judge
            remove_trial(storage, id_)
    KeptWeights(storage, config.objective, ledger.records).clean_up()


def _keep_runs(config: StudyConfig, folder: StudyFolder, ledger: Ledger) -> None:
    """Copy MLflow's own database if the repair is going to delete runs in it."""
    uri = tracking_uri(config, folder)
    if not is_own(uri, folder) or not folder.mlflow_database.exists():
        return
    client = MlflowClient(uri)
    runs = study_runs(client, folder, ledger.records)
    is_wrong = any(
        len(found) > 1 or contradiction(client, ledger[id_], found[0]) is not None
        for id_, found in runs.of_trials.items()
    )
    if is_wrong or len(runs.parents) > 1 or runs.strays:
        keep_copy(folder.mlflow_database)


def _repair_runs(config: StudyConfig, folder: StudyFolder, ledger: Ledger) -> None:
    """Delete MLflow runs that are wrong, duplicates or without a trial; trials are sent again."""
    client = MlflowClient(tracking_uri(config, folder))
    runs = study_runs(client, folder, ledger.records)
    parent_id = runs.parents[0].info.run_id
    deleted = [*runs.parents[1:], *runs.strays]
    for record in ledger.records:
        found = runs.of_trials.get(record.id, [])
        kept = [run for run in found if run.data.tags["mlflow.parentRunId"] == parent_id]
        kept.sort(key=lambda run: run.info.run_id != record.mlflow_run_id)
        if kept and contradiction(client, record, kept[0]) is not None:
            kept = []
        deleted += [run for run in found if run not in kept[:1]]
        run_id = str(kept[0].info.run_id) if kept else None
        if run_id != record.mlflow_run_id:
            ledger.update(record.id, mlflow_run_id=run_id)
    for run in deleted:
        client.delete_run(run.info.run_id)
