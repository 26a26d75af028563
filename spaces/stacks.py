"""The layouts that one stack of a space may have: made by axes, or listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from math import comb
from typing import Protocol

from spaces.axes import describe
from spaces.chooser import Chooser, Point, Scalar, SpaceError, ask, walk
from spaces.interleaving import FREE, reservoir_depths
from spaces.layout import Layout
from spaces.sharing import rules_differ, share


class Stack(Hashable, Protocol):
    """The layouts of an encoder or a decoder, each the answer to a few questions."""

    @property
    def depths(self) -> tuple[int, ...]:
        """Depths that its layouts have."""

    def choose(self, chooser: Chooser) -> Layout:
        """The canonical layout given by the chooser's answers."""

    def n_points(self) -> tuple[int, int]:
        """Numbers of points without and with reservoirs."""

    def encode(self, layout: Layout) -> Point:
        """A point that gives ``layout``, which is canonical.

        Raises:
            SpaceError: there is none; one line for each value outside the stack.
        """

    def extremes(self) -> Iterator[Layout]:
        """Layouts that bound all layouts of the stack in parameters and FLOPs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStack:
    """A stack with the layouts of a list; ``name`` is the question for one of them."""

    name: str
    layouts: tuple[Layout, ...]  # canonical and distinct

    @property
    def depths(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(layout.depth for layout in self.layouts))

    def choose(self, chooser: Chooser) -> Layout:
        texts = tuple(map(str, self.layouts))
        return self.layouts[texts.index(ask(chooser, self.name, texts))]

    def n_points(self) -> tuple[int, int]:
        n_plain = sum(layout.n_reservoirs == 0 for layout in self.layouts)
        return n_plain, len(self.layouts) - n_plain

    def encode(self, layout: Layout) -> Point:
        if layout not in self.layouts:
            raise SpaceError(
                f"{self.name} '{layout}' is not in the space; it has "
                + ", ".join(map(str, self.layouts))
            )
        return {self.name: str(layout)}

    def extremes(self) -> Iterator[Layout]:
        return iter(self.layouts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternStack:
    """A stack made by axes: depth, reservoirs, their places, kinds and sharing.

    ``prefix`` begins the names of its questions; ``number`` is that for the reservoirs.
    """

    prefix: str
    number: str
    depths: tuple[int, ...]
    numbers: tuple[int, ...]  # of reservoirs, at any depth that holds them
    interleavings: tuple[str, ...]
    kinds: tuple[str, ...]  # of reservoirs
    share_learned: tuple[str, ...]
    share_reservoir: tuple[str, ...]

    def choose(self, chooser: Chooser) -> Layout:
        depth = ask(chooser, f"{self.prefix}depth", self.depths)
        return self._choose_sharing(chooser, self._choose_kinds(chooser, depth))

    def n_points(self) -> tuple[int, int]:
        stacks = [(depth, n) for depth in self.depths for n in self._numbers_at(depth)]
        n_plain = sum(self._n_layouts(depth, n) for depth, n in stacks if n == 0)
        return n_plain, sum(self._n_layouts(depth, n) for depth, n in stacks if n > 0)

    def encode(self, layout: Layout) -> Point:
        faults = [
            f"{name} {value!r} is not in the space; it has {describe(axis)}"
            for name, value, axis in self._axis_values(layout)
            if value not in axis
        ]
        if faults:
            raise SpaceError("\n".join(faults))
        for point, found in walk(self.choose, self._known(layout)):
            if found == layout:
                return point
        raise SpaceError(
            f"{'decoder' if self.prefix else 'layout'} '{layout}': "
            "no interleaving and sharing of the space make it; add those it has"
        )

    def extremes(self) -> Iterator[Layout]:
        """As in ``Stack``.

        The position of reservoirs changes neither count, so they lie at the bottom here, all
        of one kind. (``free`` may mix kinds that share within themselves; such a layout can
        have a few more frozen parameters than these.)
        """
        for depth in self.depths:
            for n_reservoirs in self._numbers_at(depth):
                yield from {
                    share(
                        kind * n_reservoirs + "L" * (depth - n_reservoirs),
                        learned=learned,
                        reservoir=reservoir,
                    )
                    for kind in self.kinds
                    for learned in self.share_learned
                    for reservoir in self.share_reservoir
                }

    # Questions.

    def _choose_kinds(self, chooser: Chooser, depth: int) -> str:
        n_reservoirs = ask(chooser, self._number_name(depth), self._numbers_at(depth))
        if n_reservoirs == 0:
            return "L" * depth
        places = self._interleavings_at(depth, n_reservoirs)
        interleaving = ask(chooser, f"{self.prefix}interleaving", places)
        if interleaving == FREE:
            return self._choose_free_kinds(chooser, depth, n_reservoirs)
        kind = ask(chooser, f"{self.prefix}reservoir_kind", self.kinds)
        at = reservoir_depths(interleaving, depth=depth, n_reservoirs=n_reservoirs)
        return "".join(kind if d in at else "L" for d in range(depth))

    def _choose_free_kinds(self, chooser: Chooser, depth: int, n_reservoirs: int) -> str:
        kinds = ""
        n_left = n_reservoirs
        for d in range(depth):
            if n_left == 0:
                kind = "L"
            elif n_left == depth - d:
                kind = ask(chooser, f"{self.prefix}reservoir_kind-{d}", self.kinds)
            else:
                kind = ask(chooser, f"{self.prefix}kind-{d}", ("L", *self.kinds))
            kinds += kind
            n_left -= kind != "L"
        return kinds

    def _choose_sharing(self, chooser: Chooser, kinds: str) -> Layout:
        n_of = Counter(kinds)
        n_of_reservoirs = [n for kind, n in n_of.items() if kind != "L"]
        learned = _differing(self.share_learned, [n_of["L"]])
        reservoir = _differing(self.share_reservoir, n_of_reservoirs)
        return share(
            kinds,
            learned=ask(chooser, f"{self.prefix}share_learned", learned),
            reservoir=ask(chooser, f"{self.prefix}share_reservoir", reservoir),
        )

    def _numbers_at(self, depth: int) -> tuple[int, ...]:
        return tuple(n for n in self.numbers if n <= depth)

    def _number_name(self, depth: int) -> str:
        """Name of the question; with a subset of the numbers the greatest is added to it."""
        numbers = self._numbers_at(depth)
        is_whole = len(numbers) == len(self.numbers)
        return self.number if is_whole else f"{self.number}-max-{max(numbers)}"

    def _interleavings_at(self, depth: int, n_reservoirs: int) -> tuple[str, ...]:
        """Interleavings to choose from; a single one if all give the same stack."""
        mixes = FREE in self.interleavings and len(self.kinds) > 1
        moves = FREE in self.interleavings and n_reservoirs < depth
        places = {
            reservoir_depths(pattern, depth=depth, n_reservoirs=n_reservoirs)
            for pattern in self.interleavings
            if pattern != FREE
        }
        if mixes or moves or len(places) > 1:
            return self.interleavings
        return self.interleavings[:1]

    # Counts of points.

    def _n_layouts(self, depth: int, n_reservoirs: int) -> int:
        n_sharings = len(_differing(self.share_learned, [depth - n_reservoirs]))
        if n_reservoirs == 0:
            return n_sharings
        return n_sharings * sum(
            self._n_free(depth, n_reservoirs)
            if interleaving == FREE
            else len(self.kinds) * len(_differing(self.share_reservoir, [n_reservoirs]))
            for interleaving in self._interleavings_at(depth, n_reservoirs)
        )

    def _n_free(self, depth: int, n_reservoirs: int) -> int:
        """Number of stacks with free interleaving: positions x kinds x sharings that differ."""
        n_kinds = len(self.kinds)
        alike = [n for n in range(n_reservoirs + 1) if not rules_differ(self.share_reservoir, n)]
        n_alike = _n_words(n_reservoirs, n_kinds, alike)
        n_words: int = n_kinds**n_reservoirs
        n_shared = (n_words - n_alike) * len(self.share_reservoir)
        return comb(depth, n_reservoirs) * (n_alike + n_shared)

    # From a layout back to a point.

    def _known(self, layout: Layout) -> Point:
        """Answers that follow from a layout directly, without interleaving and sharing."""
        known: Point = {
            f"{self.prefix}depth": layout.depth,
            self._number_name(layout.depth): layout.n_reservoirs,
        }
        for d, kind in enumerate(layout.kinds):
            known |= {
                f"{self.prefix}kind-{d}": kind,
                f"{self.prefix}reservoir_kind-{d}": kind,
            }
        return known

    def _axis_values(self, layout: Layout) -> Iterator[tuple[str, Scalar, tuple[Scalar, ...]]]:
        """Name, value and axis of each axis that a layout has a value of."""
        yield f"{self.prefix}depth", layout.depth, self.depths
        yield self.number, layout.n_reservoirs, self.numbers
        for kind in sorted(set(layout.kinds) - {"L"}):
            yield f"{self.prefix}reservoir_kind", kind, self.kinds


def _differing(rules: tuple[str, ...], numbers: Sequence[int]) -> tuple[str, ...]:
    """Rules to choose from; the first alone if all give the same sharing for ``numbers``."""
    return rules if any(rules_differ(rules, n) for n in numbers) else rules[:1]


def _n_words(length: int, n_letters: int, allowed: Sequence[int]) -> int:
    """Number of words of ``length`` in which each letter occurs an allowed number of times."""
    n_words = [1] + [0] * length  # by length, from 0; without letters only the empty word
    for _ in range(n_letters):
        n_words = [
            sum(comb(size, n) * n_words[size - n] for n in allowed if n <= size)
            for size in range(length + 1)
        ]
    return n_words[length]
