"""Constraints on the candidates of a space: the expressions of ``space.where``."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import product
from math import prod

from spaces.axes import Range, n_values, pick
from spaces.candidate import Candidate
from spaces.chooser import DrawingChooser, Scalar, walk
from spaces.counts import ParamCounts
from spaces.expression import Expression, ExpressionError, UnknownNameError, Value
from spaces.inert import is_inert, may_be_inert
from spaces.layout import Layout
from spaces.quantities import (
    MPARAMS,
    LayoutQuantities,
    decoder_quantities,
    encoder_quantities,
    setting_names,
)
from spaces.stacks import Stack

MAX_WALKED = 20_000  # layouts of a stack, or combinations of values, that are gone through
_MAX_COMBINED = 200_000  # kinds of encoders, of decoders, and settings together
_N_DRAWN = 5_000  # candidates of a larger space, of which one must be allowed

Axes = Mapping[str, Range | tuple[Scalar, ...]]
GAIN = "reservoir_gain"
_NO_GAIN: tuple[dict[str, Value], int] = ({GAIN: 1.0}, 1)  # the group without reservoirs


class Uncountable(Exception):
    """Error: more layouts or values than are gone through, or a range without a step."""


class Constraints:
    """The expressions that each candidate of a space must make true.

    Candidates are counted by what the expressions use of them, so that a constraint on two
    settings costs as much in a vast space as in a small one.
    """

    def __init__(self, where: Sequence[str], encoder: Stack, decoder: Stack, axes: Axes) -> None:
        self._where = where
        self._encoder = encoder
        self._decoder = decoder
        self._axes = axes  # the gain's and those of the hyper-parameters
        self._of_encoder = encoder_quantities(encoder)
        self._of_decoder = decoder_quantities(decoder)
        self._settings = {GAIN: GAIN, **setting_names(axes.keys() - {GAIN})}

    @property
    def names(self) -> set[str]:
        """Names of all quantities that the expressions may use."""
        return {*self._of_encoder, *self._of_decoder, *self._settings, *MPARAMS}

    def faults(self) -> list[str]:
        """Faults of the expressions, one line each; that no candidate makes them true."""
        parsed = [_parsed(text, self.names) for text in self._where]
        if faults := [f"where {error}" for error in parsed if isinstance(error, ExpressionError)]:
            return faults
        with_mparams = [e for e in self._all_expressions if e not in self._expressions]
        if faults := self._example_faults(with_mparams):
            return faults
        try:
            found = any(self._hold(values) for values, _ in self._groups())
            whose = "no candidate of the space"
        except Uncountable:
            rng = random.Random(0)
            found = any(self._hold(self._drawn(rng, self._used)) for _ in range(_N_DRAWN))
            whose = f"none of {_N_DRAWN:,} candidates drawn at random"
        if found:
            return []
        listed = " and ".join(f"'{expression.text}'" for expression in self._expressions)
        return self._example_faults(self._expressions) or [
            f"where {listed}: {whose} satisfies this; loosen it, or widen the space"
        ]

    def refusal(self, candidate: Candidate, counts: ParamCounts | None) -> str | None:
        """The first expression that does not hold, in a clause; None if all do.

        Args:
            counts: without them, expressions with parameters are passed over.
        """
        for expression in self._expressions if counts is None else self._all_expressions:
            values = {name: self._quantity(name, candidate, counts) for name in expression.names}
            try:
                if not _is_true(expression, values):
                    return f"where '{expression.text}' does not hold"
            except ExpressionError as error:
                return f"where {error}"
        return None

    def _quantity(self, name: str, candidate: Candidate, counts: ParamCounts | None) -> Value:
        if name in self._of_encoder:
            return self._of_encoder[name](candidate.encoder.canonical())
        if name in self._of_decoder:
            return self._of_decoder[name](candidate.decoder.canonical())
        if name == GAIN:
            return candidate.reservoir_gain if candidate.has_reservoirs else 1.0
        if name in self._settings:
            return candidate.hyper[self._settings[name]]
        n_params: int = getattr(counts, MPARAMS[name])
        return n_params / 1e6

    def allow_settings(self, hyper: Mapping[str, Scalar]) -> bool:
        """True if the expressions that use these hyper-parameters alone hold."""
        values = {word: hyper[name] for word, name in self._settings.items() if name in hyper}
        own = [e for e in self._expressions if e.names <= values.keys()]
        return all(_holds(expression, values) for expression in own)

    @cached_property
    def n_points(self) -> int | None:
        """Number of the space's points that are allowed; None if there are too many to count."""
        try:
            return sum(n for values, n in self._groups() if self._hold(values))
        except Uncountable:
            return None

    @cached_property
    def n_candidates(self) -> int | None:
        """Number of candidates that are allowed, whatever their parameters; each counts once.

        None if there are too many to count.
        """
        names = self._used | {n for n, setting in self._settings.items() if may_be_inert(setting)}
        try:
            encoders = self._distinct_layouts(self._encoder, self._of_encoder)
            decoders = self._distinct_layouts(self._decoder, self._of_decoder)
            settings, n_others = self._setting_groups(names)
            if len(encoders) * len(decoders) * len(settings) > _MAX_COMBINED:
                return None
            return n_others * sum(
                len(alike_encoders)
                * len(alike_decoders)
                * self._n_with_layouts(alike_encoders[0], alike_decoders[0], settings)
                for alike_encoders, alike_decoders in product(encoders, decoders)
            )
        except Uncountable:
            return None

    @property
    def has_parameters(self) -> bool:
        """True if an expression is about numbers of parameters."""
        return len(self._all_expressions) > len(self._expressions)

    @cached_property
    def _all_expressions(self) -> list[Expression]:
        return [Expression(text, self.names) for text in self._where]

    @cached_property
    def _expressions(self) -> list[Expression]:
        """Those that say nothing of parameters, whose numbers only the data's words decide."""
        return [e for e in self._all_expressions if not e.names & MPARAMS.keys()]

    def _hold(self, values: Mapping[str, Value]) -> bool:
        return all(_holds(expression, values) for expression in self._expressions)

    def _example_faults(self, expressions: Sequence[Expression]) -> list[str]:
        """Faults of expressions that are neither true nor false for a candidate."""
        faults = []
        for expression in expressions:
            values = self._drawn(random.Random(0), expression.names)
            try:
                _is_true(expression, {**values, **dict.fromkeys(MPARAMS, 1.0)})
            except ExpressionError as error:
                faults.append(f"where {error}")
        return faults

    @cached_property
    def _used(self) -> set[str]:
        return {name for expression in self._expressions for name in expression.names}

    def _groups(self) -> Iterator[tuple[dict[str, Value], int]]:
        """Values of the used quantities, each with the number of points that have them.

        Raises:
            Uncountable: there are too many.
        """
        encoders = self._layout_groups(self._encoder, self._of_encoder)
        decoders = self._layout_groups(self._decoder, self._of_decoder)
        settings, n_others = self._setting_groups(self._used)
        gains = self._gain_groups()
        for (encoder, n_encoders), (decoder, n_decoders) in product(
            encoders.items(), decoders.items()
        ):
            has_reservoirs = encoder[0] or decoder[0]
            for gain, n_gains in gains if has_reservoirs else [_NO_GAIN]:
                for setting in settings:
                    values = dict(encoder[1] + decoder[1]) | gain | setting
                    yield values, n_encoders * n_decoders * n_gains * n_others

    def _layout_groups(
        self, stack: Stack, quantities: LayoutQuantities
    ) -> Mapping[tuple[bool, tuple[tuple[str, Value], ...]], int]:
        """Numbers of a stack's points by whether they have reservoirs and by the used values."""
        n_plain, n_mixed = stack.n_points()
        if not self._used & quantities.keys():
            return {
                (has_reservoirs, ()): n
                for has_reservoirs, n in ((False, n_plain), (True, n_mixed))
                if n
            }
        if n_plain + n_mixed > MAX_WALKED:
            raise Uncountable
        return Counter(
            (layout.n_reservoirs > 0, tuple(self._used_of(layout, quantities).items()))
            for _, layout in walk(stack.choose)
        )

    def _distinct_layouts(
        self, stack: Stack, quantities: LayoutQuantities
    ) -> Collection[Sequence[Layout]]:
        """All layouts of a stack, by their kinds of layers and the used quantities."""
        if sum(stack.n_points()) > MAX_WALKED:
            raise Uncountable
        groups: dict[Hashable, list[Layout]] = defaultdict(list)
        for layout in {layout for _, layout in walk(stack.choose)}:
            values = self._used_of(layout, quantities)
            groups[frozenset(layout.kinds), tuple(values.items())].append(layout)
        return groups.values()

    def _used_of(self, layout: Layout, quantities: LayoutQuantities) -> dict[str, Value]:
        return {name: quantities[name](layout) for name in sorted(self._used & quantities.keys())}

    def _n_with_layouts(
        self, encoder: Layout, decoder: Layout, settings: Sequence[dict[str, Value]]
    ) -> int:
        """Number of candidates that have these layouts and differ in gain or ``settings``."""
        layouts = self._used_of(encoder, self._of_encoder)
        layouts |= self._used_of(decoder, self._of_decoder)
        has_reservoirs = encoder.n_reservoirs + decoder.n_reservoirs > 0
        gains = self._gain_groups() if has_reservoirs else [_NO_GAIN]
        n_gains: dict[Hashable, int] = {}  # by the settings that count
        for (gain, n), setting in product(gains, settings):
            if self._hold(layouts | gain | setting):
                dotted = {self._settings[name]: value for name, value in setting.items()}
                counting = tuple(
                    item
                    for item in dotted.items()
                    if not is_inert(item[0], encoder, decoder, dotted)
                )
                n_gains[gain.get(GAIN), counting] = n
        return sum(n_gains.values())

    def _setting_groups(self, names: Collection[str]) -> tuple[list[dict[str, Value]], int]:
        """Combinations of the settings among ``names``, and the number of those of all others."""
        used = {
            name: self._settings[name] for name in (self._settings.keys() - {GAIN}) & set(names)
        }
        n_used = prod(self._n_values(dotted) for dotted in used.values())
        if n_used > MAX_WALKED:
            raise Uncountable
        others = self._axes.keys() - set(used.values()) - {GAIN}
        combinations = walk(
            lambda chooser: {
                name: pick(chooser, dotted, self._axes[dotted]) for name, dotted in used.items()
            }
        )
        n_others = prod(n_values(self._axes[dotted]) or 1 for dotted in others)
        return [values for _, values in combinations], n_others

    def _gain_groups(self) -> list[tuple[dict[str, Value], int]]:
        if GAIN not in self._used:
            return [({}, n_values(self._axes[GAIN]) or 1)]
        if self._n_values(GAIN) > MAX_WALKED:
            raise Uncountable
        gains = walk(lambda chooser: pick(chooser, GAIN, self._axes[GAIN]))
        return [({GAIN: gain}, 1) for _, gain in gains]

    def _n_values(self, axis: str) -> int:
        n = n_values(self._axes[axis])
        if n is None:
            raise Uncountable
        return n

    def _drawn(self, rng: random.Random, names: Collection[str]) -> dict[str, Value]:
        """Quantities called ``names`` of a candidate drawn at random."""
        chooser = DrawingChooser({}, rng)
        encoder, decoder = self._encoder.choose(chooser), self._decoder.choose(chooser)
        settings = {
            name: pick(chooser, dotted, self._axes[dotted])
            for name, dotted in self._settings.items()
        }
        if not encoder.n_reservoirs and not decoder.n_reservoirs:
            settings[GAIN] = 1.0
        return {
            **{name: of(encoder) for name, of in self._of_encoder.items() if name in names},
            **{name: of(decoder) for name, of in self._of_decoder.items() if name in names},
            **settings,
        }


@lru_cache(maxsize=16)
def constraints(
    where: Sequence[str],
    encoder: Stack,
    decoder: Stack,
    axes: tuple[tuple[str, Range | tuple[Scalar, ...]], ...],
) -> Constraints:
    """The constraints of a space, made once: they are asked of each candidate."""
    return Constraints(where, encoder, decoder, dict(axes))


def _parsed(text: str, names: Collection[str]) -> Expression | ExpressionError:
    try:
        return Expression(text, names)
    except UnknownNameError as error:
        return ExpressionError(
            f"{error}; a setting of [model] or [train] is known if it is in [space.hyper], "
            "where one value is a list of one, as model.d_model = [64]"
        )
    except ExpressionError as error:
        return error


def _holds(expression: Expression, values: Mapping[str, Value]) -> bool:
    try:
        return _is_true(expression, values)
    except ExpressionError:
        return False


def _is_true(expression: Expression, values: Mapping[str, Value]) -> bool:
    """The expression's value.

    Raises:
        ExpressionError: it has none, or one that is neither true nor false.
    """
    value = expression.evaluate(values)
    if not isinstance(value, bool):
        raise ExpressionError(f"'{expression.text}' is {value!r}, neither true nor false")
    return value
