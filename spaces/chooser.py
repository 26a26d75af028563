"""Choosers answer a space's questions: a searcher, a point, a draw, or every point in turn."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import exp, log
from typing import Protocol, TypeVar

from spaces.errors import UserError

Scalar = str | int | float
Point = dict[str, Scalar]  # answers by the names of their questions

S = TypeVar("S", bound=Scalar)
T = TypeVar("T")


class SpaceError(UserError):
    """Error: a point or candidate outside its space, or a range where values must be listed."""


class Chooser(Protocol):
    """Source of answers, one question after the other; a name always has the same values."""

    def categorical(self, name: str, values: Sequence[S]) -> S:
        """One of ``values``."""

    def real(
        self, name: str, low: float, high: float, *, log: bool, step: float | None = None
    ) -> float:
        """A number from ``low`` to ``high``, both included; ``log``: uniform in the logarithm."""

    def whole(self, name: str, low: int, high: int, *, log: bool, step: int | None = None) -> int:
        """A whole number from ``low`` to ``high``, each as likely as any other without ``log``."""


class FixedChooser:
    """Chooser that answers from a given point.

    Raises:
        SpaceError: the point has no answer to a question, or one outside the space.
    """

    def __init__(self, point: Mapping[str, Scalar]) -> None:
        self._point = point

    def categorical(self, name: str, values: Sequence[S]) -> S:
        return _one_of(name, values, self._answer(name))

    def real(
        self, name: str, low: float, high: float, *, log: bool, step: float | None = None
    ) -> float:
        return _within(name, low, high, self._answer(name))

    def whole(self, name: str, low: int, high: int, *, log: bool, step: int | None = None) -> int:
        # Rounded: the journals of earlier versions hold real numbers here.
        return round(_within(name, low, high, self._answer(name)))

    def _answer(self, name: str) -> Scalar:
        if name not in self._point:
            raise SpaceError(f"'{name}' has no value; add it to the point")
        return self._point[name]


class NotingChooser(FixedChooser):
    """Answers from a point; notes what was asked in ``point``, in the space's own values."""

    def __init__(self, point: Mapping[str, Scalar]) -> None:
        super().__init__(point)
        self.point: Point = {}

    def categorical(self, name: str, values: Sequence[S]) -> S:
        value = self.point[name] = super().categorical(name, values)
        return value

    def real(
        self, name: str, low: float, high: float, *, log: bool, step: float | None = None
    ) -> float:
        value = self.point[name] = super().real(name, low, high, log=log, step=step)
        return value

    def whole(self, name: str, low: int, high: int, *, log: bool, step: int | None = None) -> int:
        value = self.point[name] = super().whole(name, low, high, log=log, step=step)
        return value


class DrawingChooser:
    """Answers from ``kept`` where that has an allowed answer, else at random.

    ``point`` collects the answers.
    """

    def __init__(self, kept: Mapping[str, Scalar], rng: random.Random) -> None:
        self.point: Point = {}
        self._kept = kept
        self._rng = rng

    def categorical(self, name: str, values: Sequence[S]) -> S:
        kept = [value for value in values if value == self._kept.get(name)]
        value = self.point[name] = kept[0] if kept else self._rng.choice(values)
        return value

    def real(
        self, name: str, low: float, high: float, *, log: bool, step: float | None = None
    ) -> float:
        kept = self._kept.get(name)
        if kept is not None:
            value = float(kept)
        elif step is None:
            value = self._sample(low, high, log)
        else:
            value = nth_step(low, step, self._rng.randrange(n_steps(low, high, step)))
        self.point[name] = value
        return value

    def whole(self, name: str, low: int, high: int, *, log: bool, step: int | None = None) -> int:
        kept = self._kept.get(name)
        if kept is not None:
            value = round(float(kept))
        elif log:  # each whole number for what rounds to it
            value = min(high, max(low, round(self._sample(low - 0.5, high + 0.5, log))))
        else:
            value = self._rng.randrange(low, high + 1, step or 1)
        self.point[name] = value
        return value

    def _sample(self, low: float, high: float, is_log: bool) -> float:
        if not is_log:
            return self._rng.uniform(low, high)
        return min(high, max(low, exp(self._rng.uniform(log(low), log(high)))))


def ask(chooser: Chooser, name: str, values: Sequence[S]) -> S:
    """The chooser's pick among ``values``; a single value is returned without a question."""
    return values[0] if len(values) == 1 else chooser.categorical(name, values)


def n_steps(low: float, high: float, step: float) -> int:
    """Number of values from ``low`` to ``high`` that are whole steps from ``low``."""
    return 1 + int((Decimal(str(high)) - Decimal(str(low))) // Decimal(str(step)))


def nth_step(low: float, step: float, n: int) -> float:
    """``low`` and ``n`` steps, without the rounding of binary numbers: 0.3, not 0.1 + 0.2."""
    return float(Decimal(str(low)) + n * Decimal(str(step)))


def walk(
    choose: Callable[[Chooser], T], known: Mapping[str, Scalar] | None = None
) -> Iterator[tuple[Point, T]]:
    """All points of a space, each with the value that ``choose`` returns for it.

    Later questions may depend on earlier answers, so the tree of answers is walked depth
    first. As in an odometer, the last question that has a next value moves on to it, and the
    questions after it start again.

    Args:
        choose: a function of a chooser alone; it asks its questions there.
        known: answers that stay fixed; those to ranges must be given here.

    Raises:
        SpaceError: a range has no known answer, or a known answer is outside the space.
    """
    indices: list[int] | None = []
    while indices is not None:
        odometer = _Odometer(indices, known or {})
        chosen = choose(odometer)
        yield odometer.point, chosen
        indices = odometer.next_indices()


class _Odometer:
    """Chooser that answers with the values at given indices, then with first values.

    ``point`` collects the answers.
    """

    def __init__(self, indices: Sequence[int], known: Mapping[str, Scalar]) -> None:
        self.point: Point = {}
        self._known = known
        self._indices = indices
        self._wheels: list[tuple[int, int]] = []  # (index, number of values)

    def categorical(self, name: str, values: Sequence[S]) -> S:
        if name in self._known:
            value = _one_of(name, values, self._known[name])
        else:
            value = values[self._turn(len(values))]
        self.point[name] = value
        return value

    def real(
        self, name: str, low: float, high: float, *, log: bool, step: float | None = None
    ) -> float:
        if name in self._known:
            value = _within(name, low, high, self._known[name])
        elif step is None:
            raise SpaceError(f"{name} is a range without a step; list its values")
        else:
            value = nth_step(low, step, self._turn(n_steps(low, high, step)))
        self.point[name] = value
        return value

    def whole(self, name: str, low: int, high: int, *, log: bool, step: int | None = None) -> int:
        value = round(self.real(name, low, high, log=log, step=step))
        self.point[name] = value
        return value

    def _turn(self, n_values: int) -> int:
        """Index of the value of a new question."""
        place = len(self._wheels)
        index = self._indices[place] if place < len(self._indices) else 0
        self._wheels.append((index, n_values))
        return index

    def next_indices(self) -> list[int] | None:
        """Indices of the next point; None after the last one."""
        wheels = list(self._wheels)
        while wheels:
            index, n_values = wheels.pop()
            if index + 1 < n_values:
                return [index for index, _ in wheels] + [index + 1]
        return None


def _one_of(name: str, values: Sequence[S], answer: Scalar) -> S:
    for value in values:
        if value == answer:
            return value
    raise SpaceError(f"{name} {answer!r} is not in the space; it has {_listed(values)}")


def _within(name: str, low: float, high: float, answer: Scalar) -> float:
    if isinstance(answer, str) or not low <= answer <= high:
        raise SpaceError(f"{name} {answer!r} is not in the space; it has {low} to {high}")
    return float(answer)


def _listed(values: Sequence[Scalar]) -> str:
    return ", ".join(map(str, values))
