"""A search space: which layouts, gains and hyper-parameters a study may try."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from spaces.axes import (
    Axis,
    OneOrMore,
    Range,
    ValueOrList,
    as_tuple,
    describe,
    flatten,
    n_values,
    pick,
)
from spaces.candidate import Candidate
from spaces.chooser import Chooser, NotingChooser, Point, Scalar, SpaceError, walk
from spaces.constraints import GAIN, Constraints, constraints
from spaces.counts import ParamCounts
from spaces.faults import refuse
from spaces.layout import Layout
from spaces.layout_fields import DecoderLayout, EncoderLayout
from spaces.space_fields import (
    DECODER_AXES,
    ENCODER_AXES,
    DecoderDepth,
    DecoderKind,
    Depth,
    HyperName,
    Interleaving,
    NReservoirs,
    ReservoirKind,
    ReservoirSharing,
    Sharing,
    check_numbers,
    check_parts,
)
from spaces.stacks import ListedStack, PatternStack, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceSize:
    """Number of candidates of a space."""

    n_candidates: int
    is_exact: bool  # False if there may be fewer

    def __str__(self) -> str:
        bound = "" if self.is_exact else "at most "
        return f"{bound}{self.n_candidates:,} candidate{'s' * (self.n_candidates != 1)}"


class SearchSpace(BaseModel):
    """The ``[space]`` table of a study file.

    Every axis takes one value or a list of values; gain and hyper-parameters also a range
    ``{low, high, log, step}``. A question is asked only where its answer matters. A question's
    name always has the same values, as searchers require.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    encoder: OneOrMore[EncoderLayout] | None = None  # the layouts, in the place of the axes
    depth: OneOrMore[Depth] = (8,)
    n_reservoirs: OneOrMore[NReservoirs] | None = None  # None: every number from 0 to the depth
    interleaving: OneOrMore[Interleaving] = ("alternating-r-first",)
    share_learned: OneOrMore[Sharing] = ("none",)
    share_reservoir: OneOrMore[ReservoirSharing] = ("none",)
    # With interleaving "free" a choice for each reservoir, otherwise one for all of them.
    reservoir_kind: OneOrMore[ReservoirKind] = Field(default=("R",), validate_default=True)
    reservoir_gain: Axis = (1.0,)
    decoder: OneOrMore[DecoderLayout] | None = None  # the layouts, in the place of the axes
    decoder_depth: OneOrMore[DecoderDepth] = (2,)
    decoder_reservoirs: OneOrMore[NReservoirs] = (0,)
    decoder_interleaving: OneOrMore[Interleaving] = ("alternating-r-first",)
    decoder_share_learned: OneOrMore[Sharing] = ("none",)
    decoder_share_reservoir: OneOrMore[ReservoirSharing] = ("none",)
    decoder_reservoir_kind: OneOrMore[DecoderKind] = Field(default=("R",), validate_default=True)
    hyper: Annotated[dict[HyperName, Axis], BeforeValidator(flatten)] = Field(default_factory=dict)
    where: Annotated[  # expressions, all to hold
        tuple[str, ...], BeforeValidator(as_tuple), ValueOrList(distinct=False)
    ] = ()

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

    @field_validator("decoder_reservoirs")
    @classmethod
    def _fits_the_decoders(cls, numbers: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if depths := info.data.get("decoder_depth"):
            check_numbers(numbers, depths)
        return numbers

    @field_validator("reservoir_kind", "decoder_reservoir_kind")
    @classmethod
    def _have_what_is_shared(cls, kinds: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        prefix = str(info.field_name).removesuffix("reservoir_kind")
        axis = f"{prefix}share_reservoir"
        check_parts(kinds, info.data.get(axis, ()), axis=axis)
        return kinds

    @field_validator("reservoir_gain")
    @classmethod
    def _is_a_gain(cls, axis: Range | tuple[Scalar, ...]) -> Range | tuple[float, ...]:
        ends = (axis.low, axis.high) if isinstance(axis, Range) else axis
        gains = [float(end) for end in ends if not isinstance(end, str) and end > 0]
        if len(gains) < len(ends):
            raise ValueError("a gain is a positive number")
        if isinstance(axis, Range):
            step = None if axis.step is None else float(axis.step)
            return Range(low=gains[0], high=gains[1], log=axis.log, step=step)
        return tuple(gains)

    @model_validator(mode="after")
    def _lists_stand_alone(self) -> Self:
        refuse(
            [
                f"{stack} lists the layouts, so {axis} must be left out, or {stack}"
                for stack, axes in (("encoder", ENCODER_AXES), ("decoder", DECODER_AXES))
                if getattr(self, stack) is not None
                for axis in axes
                if axis in self.model_fields_set
            ]
        )
        return self

    @model_validator(mode="after")
    def _some_candidate_is_allowed(self) -> Self:
        if self.where:
            refuse(self._constraints.faults())
        return self

    @model_serializer(mode="wrap")
    def _without_replaced_axes(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The table without the axes in whose place a list stands, so that it reads back."""
        replaced = {
            axis
            for stack, axes in (("encoder", ENCODER_AXES), ("decoder", DECODER_AXES))
            if getattr(self, stack) is not None
            for axis in axes
        }
        return {name: value for name, value in write(self).items() if name not in replaced}

    @property
    def encoder_stack(self) -> Stack:
        """The encoders of the space."""
        if self.encoder is not None:
            return ListedStack(name="encoder", layouts=self.encoder)
        numbers = self.n_reservoirs
        return PatternStack(
            prefix="",
            number="n_reservoirs",
            depths=self.depth,
            numbers=tuple(range(max(self.depth) + 1)) if numbers is None else numbers,
            interleavings=self.interleaving,
            kinds=self.reservoir_kind,
            share_learned=self.share_learned,
            share_reservoir=self.share_reservoir,
        )

    @property
    def decoder_stack(self) -> Stack:
        """The decoders of the space."""
        if self.decoder is not None:
            return ListedStack(name="decoder", layouts=self.decoder)
        return PatternStack(
            prefix="decoder_",
            number="decoder_reservoirs",
            depths=self.decoder_depth,
            numbers=self.decoder_reservoirs,
            interleavings=self.decoder_interleaving,
            kinds=self.decoder_reservoir_kind,
            share_learned=self.decoder_share_learned,
            share_reservoir=self.decoder_share_reservoir,
        )

    @property
    def first_decoder(self) -> Layout:
        """The decoder with the first value of each axis, or the first of the list."""
        return next(walk(self.decoder_stack.choose))[1]

    def choose(self, chooser: Chooser) -> Candidate:
        """Candidate given by the chooser's answers; ``where`` may forbid it.

        Raises:
            SpaceError: the chooser refuses a question, as one that answers from a point does.
        """
        encoder = self.encoder_stack.choose(chooser)
        gain = self._choose_gain(chooser) if encoder.n_reservoirs else 1.0
        decoder = self.decoder_stack.choose(chooser)
        if decoder.n_reservoirs and not encoder.n_reservoirs:
            gain = self._choose_gain(chooser)
        return Candidate(
            encoder=encoder,
            decoder=decoder,
            reservoir_gain=gain,
            hyper={name: pick(chooser, name, axis) for name, axis in self.hyper.items()},
        )

    def refusal(self, candidate: Candidate, counts: ParamCounts | None = None) -> str | None:
        """The reason why ``where`` forbids the candidate, or None.

        Args:
            counts: of the candidate's parameters; without them, what ``where`` says of
                parameters is passed over.
        """
        return self._constraints.refusal(candidate, counts) if self.where else None

    def allows_settings(self, hyper: Mapping[str, Scalar]) -> bool:
        """False if ``where`` forbids these hyper-parameters, whatever the others and layouts."""
        return not self.where or self._constraints.allow_settings(hyper)

    def points(self) -> Iterator[Point]:
        """All points that ``where`` allows, but for what it says of parameters.

        Points of the same model have candidates of the same key.

        Raises:
            SpaceError: an axis is a range without a step.
        """
        if axes := self.continuous_axes():
            raise SpaceError(
                f"space: {', '.join(axes)}: a range has infinitely many values; list its values, "
                "or give it a step"
            )
        return (point for point, candidate in walk(self.choose) if self.refusal(candidate) is None)

    def size(self) -> SpaceSize | None:
        """Number of candidates; None if an axis is a range, or if even points are too many.

        Points are more, since several may stand for the same model.
        """
        n_points = self.n_points()
        if n_points is None:
            return None
        n_candidates = self._constraints.n_candidates
        if n_candidates is None:
            return SpaceSize(n_candidates=n_points, is_exact=False)
        return SpaceSize(n_candidates=n_candidates, is_exact=not self._constraints.has_parameters)

    def n_points(self) -> int | None:
        """Number of points; None if an axis is a range, or ``where`` leaves too many to count."""
        if self.continuous_axes():
            return None
        if self.where:
            return self._constraints.n_points
        (n_plain, n_mixed), (m_plain, m_mixed) = (
            stack.n_points() for stack in (self.encoder_stack, self.decoder_stack)
        )
        n_without = n_plain * m_plain
        n_with = (n_plain + n_mixed) * (m_plain + m_mixed) - n_without
        n_hyper = prod(n_values(axis) or 1 for axis in self.hyper.values())
        return (n_without + n_with * (n_values(self.reservoir_gain) or 1)) * n_hyper

    def continuous_axes(self) -> tuple[str, ...]:
        """Names of the axes that are ranges without a step; the gain's if there are reservoirs."""
        axes: dict[str, Range | tuple[Scalar, ...]] = dict(self.hyper)
        if any(stack.n_points()[1] for stack in (self.encoder_stack, self.decoder_stack)):
            axes = {GAIN: self.reservoir_gain, **axes}
        return tuple(name for name, axis in axes.items() if n_values(axis) is None)

    def encode(self, candidate: Candidate) -> Point:
        """Point of the space that gives the candidate's model.

        Raises:
            SpaceError: there is none; the values outside the space are named.
        """
        point: Point = {GAIN: candidate.reservoir_gain, **candidate.hyper}
        faults = []
        for stack, layout in (
            (self.encoder_stack, candidate.encoder),
            (self.decoder_stack, candidate.decoder),
        ):
            try:
                point |= stack.encode(layout.canonical())
            except SpaceError as error:
                faults += str(error).split("\n")
        faults += self._faults(candidate)
        if not faults and (refusal := self.refusal(candidate)):
            faults = [refusal]
        if faults:
            raise SpaceError("\n".join(f"space: {fault}" for fault in faults))
        chooser = NotingChooser(point)
        self.choose(chooser)
        return chooser.point

    @property
    def _constraints(self) -> Constraints:
        axes = ((GAIN, self.reservoir_gain), *self.hyper.items())
        return constraints(self.where, self.encoder_stack, self.decoder_stack, axes)

    def _choose_gain(self, chooser: Chooser) -> float:
        return float(pick(chooser, GAIN, self.reservoir_gain))

    def _faults(self, candidate: Candidate) -> list[str]:
        """Faults of gain and hyper-parameters outside the space."""
        values = {name: candidate.hyper[name] for name in self.hyper if name in candidate.hyper}
        axes: dict[str, Range | tuple[Scalar, ...]] = dict(self.hyper)
        if candidate.has_reservoirs:
            values = {GAIN: candidate.reservoir_gain, **values}
            axes[GAIN] = self.reservoir_gain
        faults = [
            f"{name} {value!r} is not in the space; it has {describe(axes[name])}"
            for name, value in values.items()
            if value not in axes[name]
        ]
        faults += [f"'{name}' has no value" for name in self.hyper if name not in candidate.hyper]
        faults += [f"'{name}' is no axis" for name in candidate.hyper if name not in self.hyper]
        return faults
