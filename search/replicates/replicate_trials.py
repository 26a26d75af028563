"""Trials of the replicates that a plan asks for, in its order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from search.replicates.entrant import Entrant
from search.study.config import StudyConfig
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.suggest.trial_source import NextTrial, TrialSource
from trainable.model_size import param_counts
from trainable.tasks.registry import load_task


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicate:
    """An entrant with one seed."""

    entrant: Entrant
    seed: int

    @property
    def key(self) -> str:
        return self.entrant.key(self.seed)


# The replicates to train, given the trials so far, in the order of training. The result depends
# on these trials alone, so that the driver after an interruption continues the same plan.
Wanted = Callable[[Sequence[TrialRecord]], Sequence[Replicate]]


class ReplicateTrials(TrialSource):
    """Source of the plan's replicates that have no trial yet.

    Args:
        config: settings of the study.
        ledger: its replicates' trials.
        wanted: the plan.
        possible: all replicates that the plan may come to want.
        data: folder of the prepared data.
    """

    def __init__(
        self,
        config: StudyConfig,
        ledger: Ledger,
        wanted: Wanted,
        *,
        possible: Sequence[Replicate],
        data: str,
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._wanted = wanted
        self._possible = possible
        self._data = data

    def next_trial(self) -> NextTrial:
        """First replicate without a trial; ``later`` without one: a running trial may add some."""
        for replicate in self._wanted(self._ledger.records):
            if self._ledger.find(replicate.key) is None:
                return unstarted(replicate, self._config, id_=self._ledger.next_id, data=self._data)
        return "later"

    def n_to_come(self) -> int:
        records = self._ledger.records
        ended = {record.key for record in records if record.state != "running"}
        if all(replicate.key in ended for replicate in self._wanted(records)):
            return 0  # the leader is separated, or all seeds are trained
        return sum(self._ledger.find(replicate.key) is None for replicate in self._possible)


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
