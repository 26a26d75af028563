"""Repair of a study's stores, as far as it needs no training."""

from __future__ import annotations

from mlflow.tracking import MlflowClient

from search.doctor.checkpoints import unknown_trials
from search.doctor.runs import contradiction, study_runs
from search.doctor.suggestions import lost_suggestions
from search.doctor.trials import differing_fields
from search.run.study_totals import study_totals
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.kept_weights import KeptWeights, remove_trial
from search.study.ledger import Ledger
from search.study.storage import study_storage
from search.suggest.suggestion_journal import SuggestionJournal
from search.tracking.store import tracking_uri
from search.tracking.tracking import Tracking


def repair_study(config: StudyConfig, folder: StudyFolder) -> None:
    """Bring Optuna, storage and MLflow in line with ``trials.jsonl``.

    Raises:
        UserError: MLflow cannot be reached.
    """
    with Ledger.in_order(folder.trials) as ledger:  # drops torn lines
        _repair_records(config, ledger)
        journal = _repair_suggestions(config, folder, ledger)
        _repair_storage(config, folder, ledger)
        tracking = Tracking.start(config, folder, ledger)
        _repair_runs(config, folder, ledger)
        for record in ledger.records:
            tracking.note(record)
        is_over = len(ledger.records) >= config.search.n_trials and all(
            record.state != "running" for record in ledger.records
        )
        counts = journal.counts(n_trained=ledger.n_trained)
        metrics, tags = study_totals(counts, ledger.records, config.objective)
        tracking.close("FINISHED" if is_over else "KILLED", metrics=metrics, tags=tags)
        for record in ledger.records:
            if record.state == "running":
                tracking.interrupt(record)


def _repair_records(config: StudyConfig, ledger: Ledger) -> None:
    for record in ledger.records:
        try:
            changes = differing_fields(record, config)
        except ValueError:  # the curve itself is broken; only a person can judge it
            continue
        if changes:
            ledger.update(record.id, **changes)


def _repair_suggestions(
    config: StudyConfig, folder: StudyFolder, ledger: Ledger
) -> SuggestionJournal:
    """Report to Optuna the outcomes it lacks, as each driver does when it starts."""
    journal = SuggestionJournal.open(config, folder.optuna_log)
    journal.settle(ledger.records)
    journal.write_off(lost_suggestions(folder.optuna_log, ledger.records, config))
    return journal


def _repair_storage(config: StudyConfig, folder: StudyFolder, ledger: Ledger) -> None:
    storage = study_storage(folder)
    for id_ in unknown_trials(storage, ledger.records):
        remove_trial(storage, id_)
    KeptWeights(storage, config.objective, ledger.records).clean_up()


def _repair_runs(config: StudyConfig, folder: StudyFolder, ledger: Ledger) -> None:
    """Delete MLflow runs that are wrong, duplicates or without a trial; trials are sent again."""
    client = MlflowClient(tracking_uri(config, folder))
    runs = study_runs(client, config, folder, ledger.records)
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
