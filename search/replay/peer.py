"""Another searcher and scheduler of Ray Tune in the place of ours, on the same trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from search.replay.trial_table import TrialTable
from search.study.bounds import is_within, size_excess
from search.study.config import StudyConfig
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.suggest.trial_source import NextTrial, TrialSource
from spaces.chooser import FixedChooser
from trainable.objective import mparams

MAX_REFUSED = 500  # suggestions in a row that are too large: the search ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Searcher and scheduler that a replay runs instead of the study's own.

    ``searcher`` suggests points of the study's space and receives results with the metric
    ``objective``, to be maximised. Both objects serve one replay.
    """

    searcher: Searcher
    scheduler: TrialScheduler


class PeerTrials(TrialSource):
    """Trials of the points that a peer suggests, repeated ones too.

    As in our own search, a model with too many parameters is refused before it trains.
    """

    def __init__(
        self, inner: Searcher, config: StudyConfig, ledger: Ledger, table: TrialTable
    ) -> None:
        self._inner = inner
        self._config = config
        self._ledger = ledger
        self._table = table
        self._names: dict[int, str] = {}  # the peer's trial ids, by those of our records
        self._n_suggested = 0

    def next_trial(self) -> NextTrial:
        """A trial of the peer's next point within the bound of size."""
        if self._ledger.next_id >= self._config.search.n_trials:
            return "never"
        for _ in range(MAX_REFUSED):
            name = str(self._n_suggested)
            point = self._inner.suggest(name)
            if not isinstance(point, dict):
                return "later" if point is None else "never"
            self._n_suggested += 1
            record = self._record(point)
            size = mparams(record.counts, self._config.objective.parameters)
            if is_within(size_excess(self._config.objective, size)):
                self._names[record.id] = name
                return record
            self._inner.on_trial_complete(name, error=True)
        return "never"

    def observe(self, record: TrialRecord, result: Mapping[str, Any]) -> None:
        self._inner.on_trial_result(self._names[record.id], dict(result))

    def end(self, record: TrialRecord, result: Mapping[str, Any]) -> None:
        failed = record.state == "failed"
        self._inner.on_trial_complete(self._names[record.id], dict(result), failed)

    def _record(self, point: dict[str, Any]) -> TrialRecord:
        candidate = self._config.space.choose(FixedChooser(point))
        config = self._config.trial(candidate, data=self._config.data)
        id_ = self._ledger.next_id
        return TrialRecord(
            id=id_,
            key=candidate.key,
            layout=candidate.encoder,
            config=config,
            counts=self._table.size(candidate.key).counts,
            optuna_number=id_,
            metric=self._table.metric,
        )
