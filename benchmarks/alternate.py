"""Runs of several things in turn, so that what the machine does meanwhile meets all alike."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)


def alternate(
    runs: Mapping[str, Callable[[], T]],
    *,
    n_rounds: int,
    n_warm_up: int = 0,
    seconds: float | None = None,
    before_round: Callable[[], None] = lambda: None,
) -> dict[str, list[T]]:
    """A, B, A, B …: what each run gave in each round; warm-up rounds are not kept.

    Args:
        seconds: time for all rounds: none begins that would take longer, after the first.
    """
    kept: dict[str, list[T]] = {name: [] for name in runs}
    began, longest_s = time.perf_counter(), 0.0
    for number in range(-n_warm_up, n_rounds):
        round_began = time.perf_counter()
        if number > 0 and seconds is not None and round_began - began + longest_s > seconds:
            break
        before_round()
        for name, run in runs.items():
            start = time.perf_counter()
            value = run()
            run_s = time.perf_counter() - start
            logger.info("round=%d run=%r seconds=%.1f", number, name, run_s)
            if number >= 0:
                kept[name].append(value)
        longest_s = max(longest_s, time.perf_counter() - round_began)
    return kept
