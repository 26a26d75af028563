"""The searcher behind Ray Tune: interrupted trials, concurrency and records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher

from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.suggest.trial_source import TrialSource


class TrialSearcher(Searcher):  # type: ignore[misc]
    """Hands out interrupted trials first, then new ones of a source, then those with a fault.

    All its state is in the ledger and in its source's files, so Tune saves none of it.

    Args:
        ledger: of the study; new trials are written down in it.
        source: chooses the new trials.
        n_concurrent: how many trials may run now.
        resume_from: the checkpoint from which an interrupted trial goes on, if it has one.
    """

    def __init__(
        self,
        ledger: Ledger,
        source: TrialSource,
        *,
        n_concurrent: Callable[[], int],
        resume_from: Callable[[TrialRecord], str | None],
    ) -> None:
        super().__init__(metric=None, mode=None)
        self._ledger = ledger
        self._source = source
        self._n_concurrent = n_concurrent
        self._resume_from = resume_from
        interrupted = [r for r in ledger.records if r.state == "running"]
        self._interrupted = [r for r in interrupted if r.reason is None]
        # Those that met a fault of the environment come last: if it is only theirs after all,
        # the others are trained all the same.
        self._faulted = [r for r in interrupted if r.reason is not None]
        self._live: dict[str, int] = {}  # Tune's trial id to ours

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing to do: see the class."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to do: see the class."""

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next trial to run, None to be asked again later, or FINISHED."""
        if len(self._live) >= self._n_concurrent():
            return None
        if self._interrupted:
            return self._go_on(trial_id, self._interrupted.pop(0))
        found = self._source.next_trial()
        if isinstance(found, TrialRecord):
            self._ledger.put(found)
            return self._hand_out(trial_id, found, None)
        if self._faulted:
            return self._go_on(trial_id, self._faulted.pop(0))
        return None if found == "later" and self._live else str(Searcher.FINISHED)

    def n_to_come(self) -> int:
        """Number of trials that are still to be written down, at most."""
        return self._source.n_to_come()

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        self._source.observe(self._ledger[self._live[trial_id]], result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell the source how a trial ended.

        The record is written before the source reports it, since Optuna's outcomes are final.
        After an error the trial is still to be trained; ``Recorder`` then ends the search.
        """
        id_ = self._live.pop(trial_id)
        if not error:
            self._source.end(self._ledger.write_down(id_), result or {})

    def _go_on(self, trial_id: str, record: TrialRecord) -> dict[str, Any]:
        return self._hand_out(trial_id, record, self._resume_from(record))

    def _hand_out(
        self, trial_id: str, record: TrialRecord, resume_from: str | None
    ) -> dict[str, Any]:
        self._live[trial_id] = record.id
        return {
            "id": record.id,
            "trial": record.config.model_dump(mode="json"),
            "resume_from": resume_from,
        }
