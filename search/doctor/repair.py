"""Repair of a study's stores, as far as it needs no training."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from search.doctor.checkpoints import unknown_trials
from search.doctor.copies import copies_kept, keep_copy, set_aside
from search.doctor.rebuild import Memories, corrected, missing
from search.doctor.rules import SEARCH, Rules
from search.doctor.runs import contradiction
from search.doctor.suggestions import check_suggestions
from search.doctor.trials import differing_fields
from search.run.study_totals import study_totals
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.kept_weights import KeptWeights, remove_trial, stored_checkpoints
from search.study.ledger import Ledger
from search.study.ledger_lines import LedgerContents, read_contents
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
    set_damaged_store_aside(config, folder)
    with copies_kept([folder.trials, folder.optuna_log]):
        rebuild_records(config, folder)
        _repair(config, folder)


def set_damaged_store_aside(config: StudyConfig, folder: StudyFolder) -> None:
    """Rename MLflow's own database if it is damaged; the next to open the store makes it again."""
    fault = fault_of_database(folder.mlflow_database)
    if fault is not None and is_own(tracking_uri(config, folder), folder):
        aside = set_aside(folder.mlflow_database)
        logger.warning("mlflow.db is made again (%s); the damaged one is %s", fault, aside)


def _repair(config: StudyConfig, folder: StudyFolder) -> None:
    with Ledger.in_order(folder.trials) as ledger:  # drops torn lines
        journal = _repair_suggestions(config, folder, ledger)
        repair_storage(config, folder, ledger, n_kept=SEARCH.n_kept)
        is_over = ledger.n_searched >= config.search.n_trials and all(
            record.state != "running" for record in ledger.records
        )
        counts = journal.counts(n_trained=ledger.n_trained)
        metrics, tags = study_totals(counts, ledger.records, config, data=folder.data())
        status = "FINISHED" if is_over else "KILLED"
        repair_runs(config, folder, ledger, status=status, metrics=metrics, tags=tags)


def rebuild_records(config: StudyConfig, folder: StudyFolder) -> None:
    """Rewrite ``trials.jsonl`` with derived fields computed again and lost trials put back."""
    contents = read_contents(folder.trials)
    records = {id_: computed_again(r, config) for id_, r in contents.records.items()}
    memories = _memories(config, folder, list(records.values()))
    better = corrected(records, memories)
    damaged = {line.id for line in contents.damaged if line.id is not None}
    found = missing({**records, **better}, damaged, memories)
    write_records(folder.trials, contents, records, {**better, **found})


def write_records(
    path: Path,
    contents: LedgerContents,
    records: Mapping[int, TrialRecord],
    found: Mapping[int, TrialRecord],
) -> None:
    """Rewrite a ``trials.jsonl`` if it changes.

    Args:
        contents: what the file holds.
        records: its records, corrected.
        found: records that it lost, or has otherwise.
    """
    for record in found.values():
        logger.warning("trial %d (%s) is put back into trials.jsonl", record.id, record.state)
    for line in contents.damaged:
        logger.warning("trials.jsonl: %s; a copy of the file stays", line)
    after = {**records, **found}
    if contents.damaged or after != contents.records:
        Ledger(path, after).compact()


def computed_again(record: TrialRecord, config: StudyConfig, rules: Rules = SEARCH) -> TrialRecord:
    """The record with its derived fields as they should be, where its curve allows it."""
    try:
        return dataclasses.replace(record, **differing_fields(record, config, rules))
    except ValueError:  # the curve itself is broken
        return record


def _memories(config: StudyConfig, folder: StudyFolder, records: Sequence[TrialRecord]) -> Memories:
    storage = study_storage(folder)
    client, runs = runs_in_store(config, folder, records)
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


def runs_in_store(
    config: StudyConfig, folder: StudyFolder, records: Sequence[TrialRecord]
) -> tuple[MlflowClient | None, dict[int, list[Run]]]:
    """MLflow's client, None where there is no store yet, and the runs by the trial they name.

    Raises:
        UserError: MLflow cannot be reached.
    """
    uri = tracking_uri(config, folder)
    # A client would make a store where there is none.
    if is_own(uri, folder) and not folder.mlflow_database.exists():
        return None, {}
    with mlflow_errors_as_user_errors(uri):
        client = MlflowClient(uri)
        open_experiment(client, folder)  # its files are at hand, wherever the folder was moved
        return client, runs_by_trial(study_runs(client, folder, records))


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


def repair_storage(
    config: StudyConfig, folder: StudyFolder, ledger: Ledger, *, n_kept: int | None
) -> None:
    """Remove checkpoints of ended trials that are not kept, and of unknown ones without weights."""
    storage = study_storage(folder)
    stored = stored_checkpoints(storage)
    for id_ in unknown_trials(storage, ledger.records):
        if not _hold_weights(stored[id_]):  # weights are for a person to judge
            remove_trial(storage, id_)
    KeptWeights(storage, config.objective, ledger.records, n_kept=n_kept).clean_up()


def repair_runs(
    config: StudyConfig,
    folder: StudyFolder,
    ledger: Ledger,
    *,
    status: str,
    metrics: dict[str, float],
    tags: dict[str, str],
) -> None:
    """Bring MLflow in line with the ledger.

    Args:
        status: MLflow's status of the study's own run at the end.
        metrics, tags: totals of the study.

    Raises:
        UserError: MLflow cannot be reached.
    """
    _keep_runs(config, folder, ledger)
    tracking = Tracking.start(config, folder, ledger)
    _delete_wrong_runs(config, folder, ledger)
    for record in ledger.records:
        tracking.note(record)
    tracking.close(status, metrics=metrics, tags=tags)
    for record in ledger.records:
        if record.state == "running":
            tracking.interrupt(record)


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


def _delete_wrong_runs(config: StudyConfig, folder: StudyFolder, ledger: Ledger) -> None:
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
