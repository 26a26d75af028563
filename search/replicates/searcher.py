"""A searcher that chooses nothing: it hands out the trials that are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ray.tune.search import Searcher

from search.replicates.entrant import Entrant
from search.study.config import StudyConfig
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.suggest.stateless_searcher import StatelessSearcher
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


class ReplicateSearcher(StatelessSearcher):
    """Hands out interrupted trials first, then what is wanted and was not trained."""

    def __init__(
        self,
        config: StudyConfig,
        ledger: Ledger,
        wanted: Wanted,
        *,
        data: str,
        n_concurrent: Callable[[], int],
        resume_from: Callable[[TrialRecord], str | None],
    ) -> None:
        super().__init__()
        self._config = config
        self._ledger = ledger
        self._wanted = wanted
        self._data = data
        self._n_concurrent = n_concurrent
        self._resume_from = resume_from
        self._interrupted = [r for r in ledger.records if r.state == "running"]
        self._live: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next trial to run, None to be asked again later, or FINISHED."""
        if len(self._live) >= self._n_concurrent():
            return None
        record = self._interrupted.pop(0) if self._interrupted else self._new_trial()
        if record is None:
            # What runs may make others wanted when it ends.
            return None if self._live else str(Searcher.FINISHED)
        self._live.add(trial_id)
        return {
            "id": record.id,
            "trial": record.config.model_dump(mode="json"),
            "resume_from": self._resume_from(record),
        }

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Nothing to do: the ledger has it."""

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Make room for another trial."""
        self._live.discard(trial_id)

    def _new_trial(self) -> TrialRecord | None:
        for replicate in self._wanted(self._ledger.records):
            if self._ledger.find(replicate.key) is None:
                record = self._record(replicate)
                self._ledger.put(record)
                return record
        return None

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
