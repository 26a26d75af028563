"""The remainder of a space: candidates for an algorithm that names none that may be trained."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from search.suggest.grid import Grid, next_untried
from search.suggest.proposer import Problem, Suggested
from search.suggest.surrogate_pool import draw_point
from spaces.chooser import Point

N_TRIES = 100, 500  # points drawn for one that is untried: before the grid, without one


class Remainder:
    """Proposes untried candidates: with ``space.where`` at random, else in the grid's order.

    Args:
        can_enumerate: whether the space is small enough to be gone through to the end.
    """

    def __init__(self, problem: Problem, *, can_enumerate: bool) -> None:
        self._problem = problem
        self._grid = Grid(problem) if can_enumerate else None

    def propose(self, history: Sequence[Suggested]) -> Point | None:
        """An untried point within the bounds; None when none is left, or none was drawn."""
        point = None
        if self._problem.space.where:
            rng = random.Random(f"{self._problem.seed}/remainder/{len(history)}")
            point = next_untried(self._drawn(rng), history, self._problem)
        if point is None and self._grid is not None:
            point = self._grid.propose(history)
        return point

    def _drawn(self, rng: random.Random) -> Iterator[Point]:
        for _ in range(N_TRIES[self._grid is None]):
            point = draw_point(self._problem.space, rng, dict)
            if point is not None:
                yield point
