"""Pool of candidates for the surrogate: a small space whole, a sample of a large one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from spaces.candidate import Candidate
from spaces.candidate_size import CandidateSize
from spaces.chooser import DrawingChooser, FixedChooser, Point, Scalar
from spaces.space import SearchSpace

MAX_IN_POOL = 2_000  # spaces of up to this many points are enumerated
N_DRAWN, N_NEIGHBOURS = 400, 100  # points sampled from a larger space: anywhere, near the best
N_DRAWS = 20  # for each of these points, until space.where allows one


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A candidate that may be trained."""

    point: Point
    candidate: Candidate
    size: CandidateSize


class Pool:
    """Choices of a space.

    Args:
        size_of: a candidate's size; None where it must not be trained.
    """

    def __init__(
        self, space: SearchSpace, size_of: Callable[[Candidate], CandidateSize | None]
    ) -> None:
        self._space = space
        self._size_of = size_of

    @cached_property
    def _all(self) -> list[Choice] | None:
        n_points = self._space.n_points()
        is_small = n_points is not None and n_points <= MAX_IN_POOL
        return list(self._choices(self._space.points())) if is_small else None

    def choices(self, best: Candidate | None, rng: random.Random) -> list[Choice]:
        """All choices of a small space; of a large one random points and neighbours of ``best``."""
        if self._all is not None:
            return self._all
        points = [draw_point(self._space, rng, dict) for _ in range(N_DRAWN)]
        if best is not None:
            known = self._space.encode(best)
            points += [
                draw_point(self._space, rng, lambda: _without_one(known, rng))
                for _ in range(N_NEIGHBOURS)
            ]
        return list(self._choices(point for point in points if point is not None))

    def _choices(self, points: Iterator[Point]) -> Iterator[Choice]:
        """Choices of ``points``, each candidate once."""
        seen: set[str] = set()
        for point in points:
            candidate = self._space.choose(FixedChooser(point))
            if candidate.key in seen:
                continue
            seen.add(candidate.key)
            size = self._size_of(candidate)
            if size is not None:
                yield Choice(point=point, candidate=candidate, size=size)


def draw_point(
    space: SearchSpace, rng: random.Random, keep: Callable[[], Mapping[str, Scalar]]
) -> Point | None:
    """A random point that ``space.where`` allows; None if none was drawn in ``N_DRAWS`` draws.

    Args:
        keep: the answers that a draw keeps where the space allows them.
    """
    for _ in range(N_DRAWS):
        chooser = DrawingChooser(keep(), rng)
        if space.refusal(space.choose(chooser)) is None:
            return chooser.point
    return None


def _without_one(point: Point, rng: random.Random) -> Point:
    asked_again = rng.choice(sorted(point))
    return {name: value for name, value in point.items() if name != asked_again}
