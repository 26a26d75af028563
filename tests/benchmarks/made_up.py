"""Made-up results of trainings."""

from __future__ import annotations

from typing import Any

from benchmarks.by_seed import Outcome


def made_up_outcome(key: str, test: float, **others: Any) -> Outcome:
    """An outcome with this score on the test set, and an AUCC in proportion."""
    return Outcome(
        key=key,
        aucc=100 * test,
        score=test,
        test=test,
        n_params=100_000,
        flops=1e12,
        seconds=50.0,
        wall_seconds=60.0,
        **others,
    )
