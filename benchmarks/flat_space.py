"""A study's space without its conditions, for searchers whose spaces have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from search.study.config import StudyConfig
from spaces.chooser import Point, Scalar

S = TypeVar("S", bound=Scalar)


def answers_of(config: StudyConfig) -> dict[str, list[Scalar]]:
    """All questions of the space, each with all of its answers."""
    answers: dict[str, dict[Scalar, None]] = {}
    for point in config.space.points():
        for name, value in point.items():
            answers.setdefault(name, {})[value] = None
    return {name: list(values) for name, values in answers.items()}


class FlatChooser:
    """Answers from a point that has all questions, allowed here or not, and notes its answers."""

    def __init__(self, flat: Mapping[str, Scalar], answers: Mapping[str, list[Scalar]]) -> None:
        self.point: Point = {}
        self._flat = flat
        self._answers = answers

    def categorical(self, name: str, values: Sequence[S]) -> S:
        wanted = self._flat[name]
        # These spaces have no conditions, so an answer may not be allowed here.
        nth = self._answers[name].index(wanted)
        value = next((value for value in values if value == wanted), values[nth % len(values)])
        self.point[name] = value
        return value

    def real(
        self, name: str, low: float, high: float, *, log: bool, step: float | None = None
    ) -> float:
        raise NotImplementedError("a table's space has no ranges")

    def whole(self, name: str, low: int, high: int, *, log: bool, step: int | None = None) -> int:
        raise NotImplementedError("a table's space has no ranges")
