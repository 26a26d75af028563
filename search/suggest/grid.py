"""Grid search: every point of a space without ranges, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from search.suggest.proposer import Problem, Suggested
from spaces.chooser import FixedChooser, Point


class Grid:
    """Proposes each candidate of a space without ranges once."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    @cached_property
    def _points(self) -> Iterator[Point]:
        return self._problem.space.points()

    def propose(self, history: Sequence[Suggested]) -> Point | None:
        """The next untried point within the bounds; None when none is left."""
        return next_untried(self._points, history, self._problem)


def next_untried(
    points: Iterator[Point], history: Sequence[Suggested], problem: Problem
) -> Point | None:
    """The next of ``points`` that was neither trained nor discarded, and is in the bounds."""
    tried = {each.candidate.key for each in history if each.outcome in ("trained", "discarded")}
    for point in points:
        candidate = problem.space.choose(FixedChooser(point))
        if candidate.key not in tried and problem.size_of(candidate) is not None:
            return point
    return None
