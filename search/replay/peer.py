"""Another searcher and scheduler of Ray Tune in the place of ours, on the same trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from search.replay.trial_table import TrialTable
from search.study.config import StudyConfig
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.suggest.trial_source import NextTrial, TrialSource
from spaces.chooser import FixedChooser


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Searcher and scheduler that a replay runs instead of the study's own.

    ``searcher`` suggests points of the study's space and receives results with the metric
    ``objective``, to be maximised. Both objects serve one replay.
    """

    searcher: Searcher
    scheduler: TrialScheduler


class PeerTrials(TrialSource):
    """Trials of the points that a peer suggests, repeated ones too."""

    def __init__(
        self, inner: Searcher, config: StudyConfig, ledger: Ledger, table: TrialTable
    ) -> None:
        self._inner = inner
        self._config = config
        self._ledger = ledger
        self._table = table

    def next_trial(self) -> NextTrial:
        """A trial of the next point; the peer knows it by the id of our record."""
        if self._ledger.next_id >= self._config.search.n_trials:
            return "never"
        point = self._inner.suggest(str(self._ledger.next_id))
        if isinstance(point, dict):
            return self._record(point)
        return "later" if point is None else "never"

    def observe(self, record: TrialRecord, result: Mapping[str, Any]) -> None:
        self._inner.on_trial_result(str(record.id), dict(result))

    def end(self, record: TrialRecord, result: Mapping[str, Any]) -> None:
        self._inner.on_trial_complete(str(record.id), dict(result), record.state == "failed")

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
