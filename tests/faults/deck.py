"""The order of the faults: each comes once before any comes again."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.faults.faults import Fault


class Deck:
    """Faults shuffled by a seed, and anew whenever all were drawn."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        self._faults = list(faults)
        self._rng = random.Random(seed)
        self._left: list[Fault] = []

    def draw(self) -> Fault:
        if not self._left:
            self._left = self._rng.sample(self._faults, len(self._faults))
        return self._left.pop()

    def put_back(self, fault: Fault) -> None:
        """Have a fault that found nothing to strike come later."""
        self._left.insert(0, fault)
