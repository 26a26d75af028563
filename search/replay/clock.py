"""Simulated time: the order of validations when no trial really trains.

The simulated trials wait in one actor, ``SimulatedClock``; the driver lets the earliest
go when Tune has nothing else to do. So one event is under way at a time, in an order that
depends on the recorded seconds alone and never on the machine.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import Any

import ray
from ray.tune import Callback
from ray.tune.experiment import Trial

PATIENCE_S = 5.0  # wait for a running trial to arrive; its process may have died


class SimulatedClock:
    """An asynchronous actor in which trials wait for their next point's time."""

    def __init__(self) -> None:
        self._now = 0.0
        self._starts: dict[int, float] = {}
        self._waiting: list[tuple[float, int, asyncio.Event]] = []  # a heap: earliest first
        self._arrival = asyncio.Condition()
        self._is_over = False

    async def reach(self, id_: int, seconds: float) -> None:
        """Return when the trial has run for ``seconds``, simulated; the first call starts it."""
        if self._is_over:
            return
        start = self._starts.setdefault(id_, self._now)
        reached = asyncio.Event()
        async with self._arrival:
            heapq.heappush(self._waiting, (start + seconds, id_, reached))
            self._arrival.notify_all()
        await reached.wait()

    async def release_next(self, n_running: int) -> float | None:
        """Release the earliest trial once all running trials wait.

        Returns:
            The new simulated time in seconds; None if a trial does not arrive.
        """
        try:
            await asyncio.wait_for(self._arrivals(n_running), PATIENCE_S)
        except TimeoutError:
            return None
        self._now, _, reached = heapq.heappop(self._waiting)
        reached.set()
        return self._now

    async def end(self) -> None:
        """Release all trials: Tune would wait long for the end of one that waits here."""
        self._is_over = True
        for _, _, reached in self._waiting:
            reached.set()

    async def _arrivals(self, n_trials: int) -> None:
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self._waiting) >= n_trials)


class TimeKeeper(Callback):  # type: ignore[misc]
    """Advances a clock when every worker trains, or Tune finds no more work for it."""

    def __init__(self, clock: Any, *, n_workers: int) -> None:
        self.now = 0.0  # simulated seconds
        self._clock = clock
        self._n_workers = n_workers
        self._n_running = 0  # running trials when the step began
        self._awaits_result = False  # the trial released last has not reported yet

    def __getstate__(self) -> dict[str, Any]:
        return {}  # a replay is never resumed

    def end(self) -> None:
        """Release all trials, so that they can end."""
        self._clock.end.remote()

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        self._n_running = _number(trials, Trial.RUNNING)

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, Any],
        **info: Any,
    ) -> None:
        self._awaits_result = False

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self._awaits_result = False

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        n_running = _number(trials, Trial.RUNNING)
        # A trial that started or ended in this step may make room for another: Tune asks
        # the searcher when the next step begins.
        may_ask = n_running != self._n_running and n_running < self._n_workers
        is_busy = self._awaits_result or may_ask or _number(trials, Trial.PENDING) > 0
        if n_running and not is_busy:
            now = ray.get(self._clock.release_next.remote(n_running))
            if now is not None:
                self.now, self._awaits_result = now, True


def _number(trials: list[Trial], status: str) -> int:
    return sum(trial.status == status for trial in trials)
