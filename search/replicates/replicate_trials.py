"""Trials of the replicates that a plan asks for, in its order."""

from __future__ import annotations

from search.replicates.plans import Plan, Replicate, trials_ahead
from search.study.config import StudyConfig
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.suggest.trial_source import NextTrial, TrialSource
from trainable.model_size import param_counts
from trainable.tasks.registry import load_task


class ReplicateTrials(TrialSource):
    """Source of the plan's replicates that have no trial yet.

    Args:
        config: settings of the study.
        ledger: its replicates' trials.
        plan: what to train, given the trials so far.
        data: folder of the prepared data.
    """

    def __init__(self, config: StudyConfig, ledger: Ledger, plan: Plan, *, data: str) -> None:
        self._config = config
        self._ledger = ledger
        self._plan = plan
        self._data = data

    def next_trial(self) -> NextTrial:
        """First replicate without a trial; ``later`` without one: a running trial may add some."""
        for replicate in self._plan(self._ledger.records):
            if self._ledger.find(replicate.key) is None:
                return unstarted(replicate, self._config, id_=self._ledger.next_id, data=self._data)
        return "later"

    def n_to_come(self) -> int:
        records = self._ledger.records
        n_running = sum(record.state == "running" for record in records)
        return trials_ahead(self._plan, records)[1] - n_running


def unstarted(replicate: Replicate, study: StudyConfig, *, id_: int, data: str) -> TrialRecord:
    """Record of the replicate's trial before its training."""
    config = replicate.entrant.trial(study, data=data, seed=replicate.seed)
    task = load_task(config.data)
    return TrialRecord(
        id=id_,
        key=replicate.key,
        layout=replicate.entrant.candidate.encoder,
        config=config,
        counts=param_counts(config.model, task),
        optuna_number=id_,  # Optuna has no part in this
        metric=task.metric.name,
    )
