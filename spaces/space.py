"""A search space: which layouts, gains and hyper-parameters a study may try."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import comb, prod
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from spaces.axes import Axis, OneOrMore, Range, describe, flatten, pick
from spaces.candidate import Candidate
from spaces.chooser import Chooser, Point, Scalar, SpaceError, ask, walk
from spaces.interleaving import FREE, reservoir_depths
from spaces.kinds import LAYER_KINDS, listed, reservoir_letters
from spaces.layout import Layer, Layout
from spaces.sharing import part_of, rules_differ, share
from spaces.space_fields import (
    DecoderDepth,
    Depth,
    HyperName,
    Interleaving,
    NReservoirs,
    ReservoirKind,
    Sharing,
    check_numbers,
)


class SearchSpace(BaseModel):
    """The ``[space]`` table of a study file.

    Every axis takes one value or a list of values; gain and hyper-parameters also a range
    ``{low, high, log}``. A question is asked only where its answer matters. A question's name
    always has the same values, as searchers require.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    depth: OneOrMore[Depth] = (8,)
    n_reservoirs: OneOrMore[NReservoirs] | None = None  # None: every number from 0 to the depth
    interleaving: OneOrMore[Interleaving] = ("alternating-r-first",)
    share_learned: OneOrMore[Sharing] = ("none",)
    share_reservoir: OneOrMore[Sharing] = ("none",)
    # With interleaving "free" a choice for each reservoir, otherwise one for all of them.
    reservoir_kind: OneOrMore[ReservoirKind] = Field(default=("R",), validate_default=True)
    reservoir_gain: Axis = (1.0,)
    decoder_depth: OneOrMore[DecoderDepth] = (2,)
    decoder_reservoirs: OneOrMore[NReservoirs] = (0,)  # R, alternating with L from the bottom
    hyper: Annotated[dict[HyperName, Axis], BeforeValidator(flatten)] = Field(default_factory=dict)

    @field_validator("n_reservoirs")
    @classmethod
    def _fits_the_depths(
        cls, numbers: tuple[int, ...] | None, info: ValidationInfo
    ) -> tuple[int, ...] | None:
        depths = info.data.get("depth")
        if numbers is None or depths is None:  # depth has a fault, which is reported by itself
            return numbers
        check_numbers(numbers, depths)
        return numbers

    @field_validator("reservoir_kind")
    @classmethod
    def _have_what_is_shared(cls, kinds: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        able = [letter for letter in reservoir_letters() if LAYER_KINDS[letter].parts]
        for rule in info.data.get("share_reservoir", ()):
            for kind in kinds:
                if part_of(rule) not in LAYER_KINDS[kind].parts:
                    raise ValueError(
                        f"a reservoir of kind {kind} cannot share by share_reservoir '{rule}'; "
                        f"only {listed(able)} can share a part, :attention or :feed-forward"
                    )
        return kinds

    @field_validator("decoder_reservoirs")
    @classmethod
    def _fits_the_decoders(cls, numbers: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if depths := info.data.get("decoder_depth"):
            check_numbers(numbers, depths)
        return numbers

    @field_validator("reservoir_gain")
    @classmethod
    def _is_a_gain(cls, axis: Range | tuple[Scalar, ...]) -> Range | tuple[float, ...]:
        ends = (axis.low, axis.high) if isinstance(axis, Range) else axis
        gains = [float(end) for end in ends if not isinstance(end, str) and end > 0]
        if len(gains) < len(ends):
            raise ValueError("a gain is a positive number")
        if isinstance(axis, Range):
            return Range(low=gains[0], high=gains[1], log=axis.log)
        return tuple(gains)

    def choose(self, chooser: Chooser) -> Candidate:
        """Candidate given by the chooser's answers.

        Raises:
            SpaceError: the chooser refuses a question, as one that answers from a point does.
        """
        depth = ask(chooser, "depth", self.depth)
        kinds = self._choose_kinds(chooser, depth)
        encoder = self._choose_sharing(chooser, kinds)
        gain = self._choose_gain(chooser) if encoder.n_reservoirs else 1.0
        decoder = self._choose_decoder(chooser)
        if decoder.n_reservoirs and not encoder.n_reservoirs:
            gain = self._choose_gain(chooser)
        return Candidate(
            encoder=encoder,
            decoder=decoder,
            reservoir_gain=gain,
            hyper={name: pick(chooser, name, axis) for name, axis in self.hyper.items()},
        )

    def points(self) -> Iterator[Point]:
        """All points of the space; points of the same model have candidates of the same key.

        Raises:
            SpaceError: an axis is a range.
        """
        if axes := self.continuous_axes():
            raise SpaceError(
                f"space: {', '.join(axes)}: a range has infinitely many values; list its values"
            )
        return (point for point, _ in walk(self.choose))

    def size(self) -> int | None:
        """Number of points, by arithmetic; None if an axis is a range."""
        if self.continuous_axes():
            return None
        n_encoders = sum(
            self._n_encoders(depth, n) for depth in self.depth for n in self._numbers_at(depth)
        )
        n_hyper = prod(len(axis) for axis in self.hyper.values() if not isinstance(axis, Range))
        n_decoders = [n for depth in self.decoder_depth for n in self._decoder_numbers_at(depth)]
        n_plain = sum(self._n_encoders(depth, 0) for depth in self.depth if 0 in self._numbers)
        n_more_gains = (self._n_gains - 1) * n_plain * sum(n > 0 for n in n_decoders)
        return (n_encoders * len(n_decoders) + n_more_gains) * n_hyper

    def continuous_axes(self) -> tuple[str, ...]:
        """Names of the axes that are ranges; the gain's only if there can be reservoirs."""
        most = max(*self._numbers, *self.decoder_reservoirs)
        gain = isinstance(self.reservoir_gain, Range) and most > 0
        hyper = [name for name, axis in self.hyper.items() if isinstance(axis, Range)]
        return (*(["reservoir_gain"] if gain else []), *hyper)

    def encode(self, candidate: Candidate) -> Point:
        """Point of the space that gives the candidate's model.

        Raises:
            SpaceError: there is none; the values outside the space are named.
        """
        if faults := self._faults(candidate):
            raise SpaceError("\n".join(f"space: {fault}" for fault in faults))
        for point, found in walk(self.choose, self._known(candidate)):
            if found.key == candidate.key:
                return point
        raise SpaceError(
            f"space: layout '{candidate.encoder.canonical()}': "
            "no interleaving and sharing of the space make it; add those it has"
        )

    # Questions.

    def _choose_gain(self, chooser: Chooser) -> float:
        return float(pick(chooser, "reservoir_gain", self.reservoir_gain))

    def _choose_decoder(self, chooser: Chooser) -> Layout:
        depth = ask(chooser, "decoder_depth", self.decoder_depth)
        numbers = self._decoder_numbers_at(depth)
        return decoder_stack(depth, ask(chooser, self._decoder_number_name(depth), numbers))

    def _choose_kinds(self, chooser: Chooser, depth: int) -> str:
        n_reservoirs = ask(chooser, self._number_name(depth), self._numbers_at(depth))
        if n_reservoirs == 0:
            return "L" * depth
        interleaving = ask(chooser, "interleaving", self._interleavings(depth, n_reservoirs))
        if interleaving == FREE:
            return self._choose_free_kinds(chooser, depth, n_reservoirs)
        kind = ask(chooser, "reservoir_kind", self.reservoir_kind)
        at = reservoir_depths(interleaving, depth=depth, n_reservoirs=n_reservoirs)
        return "".join(kind if d in at else "L" for d in range(depth))

    def _choose_free_kinds(self, chooser: Chooser, depth: int, n_reservoirs: int) -> str:
        kinds = ""
        n_left = n_reservoirs
        for d in range(depth):
            if n_left == 0:
                kind = "L"
            elif n_left == depth - d:
                kind = ask(chooser, f"reservoir_kind-{d}", self.reservoir_kind)
            else:
                kind = ask(chooser, f"kind-{d}", ("L", *self.reservoir_kind))
            kinds += kind
            n_left -= kind != "L"
        return kinds

    def _choose_sharing(self, chooser: Chooser, kinds: str) -> Layout:
        n_of = Counter(kinds)
        n_of_reservoirs = [n for kind, n in n_of.items() if kind != "L"]
        return share(
            kinds,
            learned=ask(chooser, "share_learned", _differing(self.share_learned, [n_of["L"]])),
            reservoir=ask(
                chooser, "share_reservoir", _differing(self.share_reservoir, n_of_reservoirs)
            ),
        )

    @property
    def _numbers(self) -> tuple[int, ...]:
        if self.n_reservoirs is None:
            return tuple(range(max(self.depth) + 1))
        return self.n_reservoirs

    def _numbers_at(self, depth: int) -> tuple[int, ...]:
        return tuple(n for n in self._numbers if n <= depth)

    def _decoder_numbers_at(self, depth: int) -> tuple[int, ...]:
        return tuple(n for n in self.decoder_reservoirs if n <= depth)

    def _number_name(self, depth: int) -> str:
        return _question_name("n_reservoirs", self._numbers_at(depth), self._numbers)

    def _decoder_number_name(self, depth: int) -> str:
        numbers = self._decoder_numbers_at(depth)
        return _question_name("decoder_reservoirs", numbers, self.decoder_reservoirs)

    def _interleavings(self, depth: int, n_reservoirs: int) -> tuple[str, ...]:
        """Interleavings to choose from; a single one if all give the same stack."""
        mixes = FREE in self.interleaving and len(self.reservoir_kind) > 1
        moves = FREE in self.interleaving and n_reservoirs < depth
        places = {
            reservoir_depths(pattern, depth=depth, n_reservoirs=n_reservoirs)
            for pattern in self.interleaving
            if pattern != FREE
        }
        if mixes or moves or len(places) > 1:
            return self.interleaving
        return self.interleaving[:1]

    # Counts of points.

    def _n_encoders(self, depth: int, n_reservoirs: int) -> int:
        n_sharings = len(_differing(self.share_learned, [depth - n_reservoirs]))
        if n_reservoirs == 0:
            return n_sharings
        n_placings = sum(
            self._n_free(depth, n_reservoirs)
            if interleaving == FREE
            else len(self.reservoir_kind) * len(_differing(self.share_reservoir, [n_reservoirs]))
            for interleaving in self._interleavings(depth, n_reservoirs)
        )
        return n_sharings * self._n_gains * n_placings

    @property
    def _n_gains(self) -> int:
        return 1 if isinstance(self.reservoir_gain, Range) else len(self.reservoir_gain)

    def _n_free(self, depth: int, n_reservoirs: int) -> int:
        """Number of stacks with free interleaving: positions x kinds x sharings that differ."""
        n_kinds = len(self.reservoir_kind)
        alike = [n for n in range(n_reservoirs + 1) if not rules_differ(self.share_reservoir, n)]
        n_alike = _n_words(n_reservoirs, n_kinds, alike)
        n_words: int = n_kinds**n_reservoirs
        n_shared = (n_words - n_alike) * len(self.share_reservoir)
        return comb(depth, n_reservoirs) * (n_alike + n_shared)

    # From a candidate back to a point.

    def _known(self, candidate: Candidate) -> Point:
        """Answers that follow from a candidate directly, without interleaving and sharing."""
        encoder = candidate.encoder
        known: Point = {
            "depth": encoder.depth,
            self._number_name(encoder.depth): encoder.n_reservoirs,
            "reservoir_gain": candidate.reservoir_gain,
            "decoder_depth": candidate.decoder.depth,
            self._decoder_number_name(candidate.decoder.depth): candidate.decoder.n_reservoirs,
            **candidate.hyper,
        }
        for d, kind in enumerate(encoder.kinds):
            known |= {f"kind-{d}": kind, f"reservoir_kind-{d}": kind}
        return known

    def _faults(self, candidate: Candidate) -> list[str]:
        """Faults of a candidate outside the space; interleaving and sharing are not checked."""
        faults = [
            f"{name} {value!r} is not in the space; it has {describe(axis)}"
            for name, value, axis in self._axis_values(candidate)
            if value not in axis
        ]
        decoder = candidate.decoder.canonical()
        expected = decoder_stack(decoder.depth, decoder.n_reservoirs)
        if decoder != expected:
            faults.append(
                f"decoder '{candidate.decoder}': a space has unshared ones only, as {expected}"
            )
        faults += [f"'{name}' has no value" for name in self.hyper if name not in candidate.hyper]
        faults += [f"'{name}' is no axis" for name in candidate.hyper if name not in self.hyper]
        return faults

    def _axis_values(
        self, candidate: Candidate
    ) -> Iterator[tuple[str, Scalar, Range | tuple[Scalar, ...]]]:
        """Name, value and axis of each axis that a candidate has a value of."""
        encoder = candidate.encoder
        yield "depth", encoder.depth, self.depth
        yield "n_reservoirs", encoder.n_reservoirs, self._numbers
        for kind in sorted(set(encoder.kinds) - {"L"}):
            yield "reservoir_kind", kind, self.reservoir_kind
        if candidate.has_reservoirs:
            yield "reservoir_gain", candidate.reservoir_gain, self.reservoir_gain
        yield "decoder_depth", candidate.decoder.depth, self.decoder_depth
        yield "decoder_reservoirs", candidate.decoder.n_reservoirs, self.decoder_reservoirs
        for name, axis in self.hyper.items():
            if name in candidate.hyper:
                yield name, candidate.hyper[name], axis


def _differing(rules: tuple[str, ...], numbers: Sequence[int]) -> tuple[str, ...]:
    """Rules to choose from; the first alone if all give the same sharing for ``numbers``."""
    return rules if any(rules_differ(rules, n) for n in numbers) else rules[:1]


def decoder_stack(depth: int, n_reservoirs: int) -> Layout:
    """Decoder with ``n_reservoirs`` R, alternating with L from the bottom, nothing shared."""
    at = reservoir_depths("alternating-r-first", depth=depth, n_reservoirs=n_reservoirs)
    return Layout(tuple(Layer("R" if d in at else "L") for d in range(depth)))


def _question_name(name: str, numbers: tuple[int, ...], axis: tuple[int, ...]) -> str:
    """Name of the question; with a subset of the axis' numbers the greatest is added to it."""
    return name if len(numbers) == len(axis) else f"{name}-max-{max(numbers)}"


def _n_words(length: int, n_letters: int, allowed: Sequence[int]) -> int:
    """Number of words of ``length`` in which each letter occurs an allowed number of times."""
    n_words = [1] + [0] * length  # by length, from 0; without letters only the empty word
    for _ in range(n_letters):
        n_words = [
            sum(comb(size, n) * n_words[size - n] for n in allowed if n <= size)
            for size in range(length + 1)
        ]
    return n_words[length]
