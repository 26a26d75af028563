"""Stopper of a replay that has found a good enough candidate."""

from __future__ import annotations

from typing import Any

from ray.tune.stopper import Stopper

from search.replay.clock import TimeKeeper
from search.replay.trace import Trace


class Found(Stopper):  # type: ignore[misc]
    """Ends a replay when the value of its best trial's candidate is at least ``enough``."""

    def __init__(self, trace: Trace, keeper: TimeKeeper, *, enough: float) -> None:
        self._trace = trace
        self._keeper = keeper
        self._enough = enough

    def __getstate__(self) -> dict[str, Any]:
        return {}  # a replay is never resumed

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        events = self._trace.events
        is_found = (
            bool(events)
            and events[-1].best_value is not None
            and events[-1].best_value >= self._enough
        )
        if is_found:
            self._keeper.end()
        return is_found
