"""Who answers a space's questions: a searcher, a recorded point, or all answers in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from spaces.errors import UserError

Scalar = str | int | float
Point = dict[str, Scalar]  # the answer to each question asked, by the question's name

S = TypeVar("S", bound=Scalar)
T = TypeVar("T")


class SpaceError(UserError):
    """A point or candidate outside its space, or a use that the space does not allow."""


class Chooser(Protocol):
    """Answers one question after the other; a name always comes with the same values."""

    def categorical(self, name: str, values: Sequence[S]) -> S:
        """One of ``values``."""

    def real(self, name: str, low: float, high: float, *, log: bool) -> float:
        """A number from ``low`` to ``high``, both included; ``log``: even in the logarithm."""


class FixedChooser:
    """Answers from a point.

    Raises:
        SpaceError: the point has no answer, or one that the question does not allow.
    """

    def __init__(self, point: Mapping[str, Scalar]) -> None:
        self._point = point

    def categorical(self, name: str, values: Sequence[S]) -> S:
        return _one_of(name, values, self._answer(name))

    def real(self, name: str, low: float, high: float, *, log: bool) -> float:
        return _within(name, low, high, self._answer(name))

    def _answer(self, name: str) -> Scalar:
        if name not in self._point:
            raise SpaceError(f"'{name}' is asked and has no answer; add it to the point")
        return self._point[name]


class NotingChooser(FixedChooser):
    """Answers from a point and notes what was asked, in the space's own values."""

    def __init__(self, point: Mapping[str, Scalar]) -> None:
        super().__init__(point)
        self.noted: Point = {}

    def categorical(self, name: str, values: Sequence[S]) -> S:
        value = self.noted[name] = super().categorical(name, values)
        return value

    def real(self, name: str, low: float, high: float, *, log: bool) -> float:
        value = self.noted[name] = super().real(name, low, high, log=log)
        return value


def ask(chooser: Chooser, name: str, values: Sequence[S]) -> S:
    """The chooser's pick; one value alone is no question."""
    return values[0] if len(values) == 1 else chooser.categorical(name, values)


def walk(
    choose: Callable[[Chooser], T], known: Mapping[str, Scalar] | None = None
) -> Iterator[tuple[Point, T]]:
    """Every point there is, each with what ``choose`` makes of it.

    Which questions come may depend on earlier answers, so the tree is walked by asking: like
    an odometer, the last question that has a next value takes it, and those after it go.

    Args:
        choose: asks its questions of the chooser it is given, and nothing else decides.
        known: answers that stay as they are; ranges must be among them.

    Raises:
        SpaceError: a range is asked for, or a known answer is not allowed.
    """
    turned: list[int] | None = []
    while turned is not None:
        odometer = _Odometer(turned, known or {})
        chosen = choose(odometer)
        yield odometer.point, chosen
        turned = odometer.next_turn()


class _Odometer:
    """Answers with the values at the given indices, then with first values, and takes notes."""

    def __init__(self, turned: Sequence[int], known: Mapping[str, Scalar]) -> None:
        self.point: Point = {}
        self._known = known
        self._turned = turned
        self._wheels: list[tuple[int, int]] = []  # (index, number of values)

    def categorical(self, name: str, values: Sequence[S]) -> S:
        if name in self._known:
            value = _one_of(name, values, self._known[name])
        else:
            place = len(self._wheels)
            index = self._turned[place] if place < len(self._turned) else 0
            self._wheels.append((index, len(values)))
            value = values[index]
        self.point[name] = value
        return value

    def real(self, name: str, low: float, high: float, *, log: bool) -> float:
        if name not in self._known:
            raise SpaceError(f"{name} is a range, so its points have no end; list its values")
        value = _within(name, low, high, self._known[name])
        self.point[name] = value
        return value

    def next_turn(self) -> list[int] | None:
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
