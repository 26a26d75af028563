"""The simulated clock alone, without Ray around it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from search.replay import clock as clock_module
from search.replay.clock import SimulatedClock


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


async def waits(clock: SimulatedClock, order: list[int], id_: int, seconds: float) -> None:
    await clock.reach(id_, seconds)
    order.append(id_)


def test_the_earliest_trial_goes_first_and_the_lower_id_of_two():
    async def work() -> None:
        clock, order = SimulatedClock(), list[int]()
        waiting = [
            asyncio.ensure_future(waits(clock, order, id_, seconds))
            for id_, seconds in ((0, 9.0), (3, 2.0), (1, 2.0), (2, 5.0))
        ]
        times = [await clock.release_next(n_left) for n_left in (4, 3, 2, 1)]
        await asyncio.gather(*waiting)
        assert (times, order) == ([2.0, 2.0, 5.0, 9.0], [1, 3, 2, 0])

    run(work())


def test_a_trial_that_starts_later_counts_its_seconds_from_then():
    async def work() -> None:
        clock, order = SimulatedClock(), list[int]()
        first = asyncio.ensure_future(waits(clock, order, 0, 7.0))
        assert await clock.release_next(1) == 7.0
        await first
        second = asyncio.ensure_future(waits(clock, order, 1, 2.0))
        assert await clock.release_next(1) == 9.0
        await second
        third = asyncio.ensure_future(waits(clock, order, 1, 4.0))
        assert await clock.release_next(1) == 11.0
        await third

    run(work())


def test_nobody_goes_before_all_running_trials_wait():
    async def work() -> None:
        clock, order = SimulatedClock(), list[int]()
        late = asyncio.ensure_future(waits(clock, order, 0, 8.0))
        release = asyncio.ensure_future(clock.release_next(2))
        await asyncio.sleep(0.05)
        assert not release.done()
        early = asyncio.ensure_future(waits(clock, order, 1, 3.0))
        assert await release == 3.0
        await early
        assert order == [1]
        late.cancel()

    run(work())


def test_a_trial_that_never_comes_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(clock_module, "PATIENCE_S", 0.05)

    async def work() -> None:
        assert await SimulatedClock().release_next(1) is None

    run(work())
