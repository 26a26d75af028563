"""The trials that are wanted of replicates; nothing is chosen."""

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


# All replicates that are wanted as far as the trials so far tell, in the order of training.
# The same trials want the same, so that an interrupted driver's successor goes on.
Wanted = Callable[[Sequence[TrialRecord]], Sequence[Replicate]]


class ReplicateTrials(TrialSource):
    """What is wanted and was not trained."""

    def __init__(self, config: StudyConfig, ledger: Ledger, wanted: Wanted, *, data: str) -> None:
        self._config = config
        self._ledger = ledger
        self._wanted = wanted
        self._data = data

    def next_trial(self) -> NextTrial:
        """The first that is wanted; what runs may make others wanted when it ends."""
        for replicate in self._wanted(self._ledger.records):
            if self._ledger.find(replicate.key) is None:
                return self._record(replicate)
        return "later"

    def _record(self, replicate: Replicate) -> TrialRecord:
        config = replicate.entrant.trial(self._config, data=self._data, seed=replicate.seed)
        task = load_task(config.data)
        id_ = self._ledger.next_id
        return TrialRecord(
            id=id_,
            key=replicate.key,
            layout=replicate.entrant.candidate.encoder,
            config=config,
            counts=param_counts(config.model, task),
            optuna_number=id_,  # Optuna has no part in this
            metric=task.metric.name,
        )
