"""Tune stopper that ends a session in time for its deadline."""

from __future__ import annotations

from typing import Any

from ray.tune.stopper import Stopper

from search.run.deadline import Deadline
from search.study.ledger import Ledger


class UntilDeadline(Stopper):  # type: ignore[misc]
    """Stops all trials when the deadline is near; they stay ``running`` in the ledger.

    It waits for the last checkpoint of a trial that has just ended, without which the trial
    would have no weights.
    """

    def __init__(self, deadline: Deadline, ledger: Ledger) -> None:
        self._deadline = deadline
        self._ledger = ledger

    def __getstate__(self) -> dict[str, Any]:
        return {}  # see Ledger

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._deadline.is_near and not self._ledger.has_unsaved_ends
