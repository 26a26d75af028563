"""Another searcher and scheduler of Ray Tune in the place of ours, on the same trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from search.replay.trial_table import TrialTable
from search.study.config import StudyConfig
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.suggest.stateless_searcher import StatelessSearcher
from spaces.space import FixedChooser


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What a replay can be run with instead of the study's own algorithm and scheduler.

    ``searcher`` suggests points of the study's space and is told results with the metric
    ``objective``, to be maximised. Both objects serve one replay.
    """

    searcher: Searcher
    scheduler: TrialScheduler


class PointSearcher(StatelessSearcher):
    """Makes trials of the points that ``inner`` suggests, repeated ones too."""

    def __init__(
        self,
        inner: Searcher,
        config: StudyConfig,
        ledger: Ledger,
        table: TrialTable,
        *,
        n_concurrent: int,
    ) -> None:
        super().__init__()
        self._inner = inner
        self._config = config
        self._ledger = ledger
        self._table = table
        self._n_concurrent = n_concurrent
        self._live: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """A trial of the next point, None to be asked again later, or FINISHED."""
        if len(self._live) >= self._n_concurrent:
            return None
        if self._ledger.next_id >= self._config.search.n_trials:
            return str(Searcher.FINISHED)
        point = self._inner.suggest(trial_id)
        if not isinstance(point, dict):
            return point  # type: ignore[no-any-return]
        self._live.add(trial_id)
        record = self._record(point)
        self._ledger.put(record)
        return {
            "id": record.id,
            "trial": record.config.model_dump(mode="json"),
            "resume_from": None,
        }

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        self._inner.on_trial_result(trial_id, result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        self._live.discard(trial_id)
        self._inner.on_trial_complete(trial_id, result, error)

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
