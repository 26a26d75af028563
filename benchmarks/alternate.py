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
    before_round: Callable[[], None] = lambda: None,
) -> dict[str, list[T]]:
    """A, B, A, B …: what each run gave in each round; warm-up rounds are not kept."""
    kept: dict[str, list[T]] = {name: [] for name in runs}
    for number in range(-n_warm_up, n_rounds):
        before_round()
        for name, run in runs.items():
            start = time.perf_counter()
            value = run()
            seconds = time.perf_counter() - start
            logger.info("round=%d run=%r seconds=%.1f", number, name, seconds)
            if number >= 0:
                kept[name].append(value)
    return kept
