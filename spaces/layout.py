"""The layout of one stack: its notation, its canonical form, and its shared weights."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from spaces.errors import UserError
from spaces.kinds import LAYER_KINDS, NORMS, PARTS, decoder_letters, listed

MAX_DEPTH = 256  # layers; a slip like (R)*999999999 must not fill the memory
MAX_NUMBER = 999_999_999
NO_LAYERS = "none"  # how the stack of a model without a decoder is written
MAX_RANK = 999  # of low-rank differences

_TOKEN = re.compile(
    r"(?P<kind>[A-Z])(?P<part>[a-z]?)(?P<weight_set>[0-9]*)(?:\+r(?P<rank>[0-9]*))?"
    r"|(?P<open>\()"
    r"|(?P<close>\))(?:\*(?P<times>[0-9]*))?"
    r"|(?P<other>.)",
    re.DOTALL,
)
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


class LayoutError(UserError):
    """Error: a text that is no layout, or a layout that its stack cannot have."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a stack: a kind, and the weight set it shares (None: not shared).

    ``part`` is the shared part, one of ``PARTS``; the whole layer if empty. ``rank`` is that of
    this use's own difference from the shared linear maps; 0 without one.
    """

    kind: str
    weight_set: int | None = None
    part: str = ""
    rank: int = 0

    def __post_init__(self) -> None:
        if self.kind not in LAYER_KINDS:
            raise ValueError(f"layer kind {self.kind!r} is not one of {''.join(LAYER_KINDS)}")
        if self.weight_set is not None and not 1 <= self.weight_set <= MAX_NUMBER:
            raise ValueError(f"weight set {self.weight_set} is not in 1..{MAX_NUMBER}")
        if self.part and (self.weight_set is None or self.part not in self._parts):
            raise ValueError(f"part {self.part!r} of a {self.kind} with set {self.weight_set}")
        if self.rank and (self.weight_set is None or LAYER_KINDS[self.kind].is_reservoir):
            raise ValueError(f"a difference of a {self.kind} with set {self.weight_set}")
        if not 0 <= self.rank <= MAX_RANK:
            raise ValueError(f"rank {self.rank} is not in 0..{MAX_RANK}")

    def __str__(self) -> str:
        number = "" if self.weight_set is None else str(self.weight_set)
        return self.kind + self.part + number + (f"+r{self.rank}" if self.rank else "")

    @property
    def base(self) -> Layer:
        """The layer without its difference: two uses of one weight set have equal ones."""
        return replace(self, rank=0) if self.rank else self

    def shares(self, component: str) -> bool:
        """True if ``component`` (attention, feed-forward block or norms) is in its weight set."""
        if self.weight_set is None:
            return False
        return not self.part or component in PARTS[self.part]

    @property
    def is_reservoir(self) -> bool:
        """True if the layer is random and frozen, at least in part."""
        return LAYER_KINDS[self.kind].is_reservoir

    @property
    def is_frozen(self) -> bool:
        """True if no part of the layer learns."""
        return LAYER_KINDS[self.kind].is_frozen

    @property
    def _parts(self) -> str:
        return LAYER_KINDS[self.kind].parts


@dataclass(frozen=True, slots=True)
class Layout:
    """One stack, bottom to top: the kind at each depth, and the sharing of weights.

    ``Layout.parse("(R1L)*2")`` is four layers deep and has three weight sets:
    depths 0 and 2 are one reservoir. ``R1`` and ``L1`` are different sets. ``La1`` shares its
    attention alone, ``Lf1`` its feed-forward block, ``Lw1`` both, but no LayerNorm. ``L1+r8`` is
    a use of L1 that adds a low-rank difference of its own to each shared linear map. A layout
    without layers is the decoder of a model that has none.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if len(self.layers) > MAX_DEPTH:
            raise ValueError(f"a layout has up to {MAX_DEPTH} layers, not {len(self.layers)}")

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Layout written as ``text``: ``R1LR1L``, ``(R1L)*2``, ``((RL)*2L)*3``.

        Raises:
            LayoutError: ``text`` is not in the notation, or deeper than ``MAX_DEPTH``.
        """
        try:
            return cls(tuple(_read_layers(text)))
        except LayoutError as error:
            start = text if len(text) <= 60 else text[:59] + "…"
            raise LayoutError(f"layout {start!r}: {error}") from None

    def __str__(self) -> str:
        return "".join(map(str, self.layers)) or NO_LAYERS

    @property
    def depth(self) -> int:
        return len(self.layers)

    @property
    def kinds(self) -> str:
        """Letter of the kind at each depth, bottom to top."""
        return "".join(layer.kind for layer in self.layers)

    @property
    def n_reservoirs(self) -> int:
        """Number of depths with a reservoir; a shared one counts at each of its depths."""
        return sum(layer.is_reservoir for layer in self.layers)

    @property
    def reservoir_depths(self) -> tuple[int, ...]:
        """Depths with a reservoir, bottom first."""
        return tuple(depth for depth, layer in enumerate(self.layers) if layer.is_reservoir)

    @property
    def owners(self) -> tuple[int, ...]:
        """Index of the distinct layer at each depth, from 0 in order of first use.

        Depths that share all of their weights, but for low-rank differences, have the same
        index.
        """
        return self.owners_of(NORMS)

    def owners_of(self, component: str) -> tuple[int, ...]:
        """Index of the distinct ``component`` at each depth, counted as in ``owners``."""
        index: dict[int | Layer, int] = {}
        return tuple(
            index.setdefault(layer.base if layer.shares(component) else depth, len(index))
            for depth, layer in enumerate(self.layers)
        )

    @property
    def ranks(self) -> tuple[int, ...]:
        """Rank of the difference at each depth; 0 without one, and where a set is used once."""
        n_uses = Counter(layer.base for layer in self.layers)
        return tuple(layer.rank if n_uses[layer.base] > 1 else 0 for layer in self.layers)

    @property
    def set_kinds(self) -> str:
        """Letter of the kind of each distinct layer, in the order of ``owners``."""
        kind_of = dict(zip(self.owners, self.kinds, strict=True))
        return "".join(kind_of.values())

    def canonical(self) -> Layout:
        """Canonical layout of the same model: two are equal if and only if the models are.

        Weight sets are numbered by kind and part in order of first use; a set that is used
        once is left out.
        """
        sets = [layer.base for layer in self.layers if layer.weight_set is not None]
        if not sets:
            return self
        n_uses = Counter(sets)
        n_shared: Counter[str] = Counter()
        shared: dict[Layer, Layer] = {}
        for base in sets:
            if n_uses[base] > 1 and base not in shared:
                n_shared[base.kind + base.part] += 1
                number = n_shared[base.kind + base.part]
                shared[base] = Layer(base.kind, number, base.part)
        return Layout(
            tuple(
                replace(shared[layer.base], rank=layer.rank)
                if layer.base in shared
                else Layer(layer.kind)
                for layer in self.layers
            )
        )


NO_DECODER = Layout(())


def parse_decoder(text: str) -> Layout:
    """Decoder written as ``text``, which is "none" where the model has no decoder.

    Raises:
        LayoutError: ``text`` is not in the notation.
    """
    return NO_DECODER if text == NO_LAYERS else Layout.parse(text)


def without_reservoirs(layout: Layout) -> Layout | None:
    """Deletion of ``layout``: its learned layers alone, canonical; None if none is left."""
    learned = tuple(layer for layer in layout.layers if not layer.is_reservoir)
    return Layout(learned).canonical() if learned or not layout.layers else None


def check_decoder(decoder: Layout) -> None:
    """Check that every layer of ``decoder`` is of a kind that can attend to the encoder.

    Raises:
        LayoutError: a layer is not; its depth is named.
    """
    for depth, kind in enumerate(decoder.kinds):
        if not LAYER_KINDS[kind].in_decoder:
            raise LayoutError(
                f"decoder layout '{decoder}': kind '{kind}' at depth {depth} cannot attend to "
                f"the encoder; use {listed(decoder_letters())}"
            )


def _read_layers(text: str) -> list[Layer]:
    """All layers of ``text``, with repeats expanded."""
    groups: list[list[Layer]] = [[]]  # the whole stack, then the open groups
    depth = 0
    for token in _TOKEN.finditer(text):
        if token["kind"]:
            groups[-1].append(_read_layer(token, depth))
            depth += 1
        elif token["open"]:
            groups.append([])
        elif token["close"]:
            group, times = _read_repeat(token, groups)
            depth += len(group) * (times - 1)
            if depth <= MAX_DEPTH:
                groups[-1] += group * times
        else:
            raise LayoutError(_unexpected(token["other"], depth, token.start()))
        if depth > MAX_DEPTH:
            raise LayoutError(
                f"more than {MAX_DEPTH} layers deep at position {token.start()}; use fewer"
            )
    if len(groups) > 1:
        raise LayoutError("a '(' is never closed; write (…)*n")
    if not groups[0]:
        raise LayoutError("it has no layers; write one letter a layer, bottom to top, as R1LR1L")
    return groups[0]


def _read_layer(token: re.Match[str], depth: int) -> Layer:
    kind, part, digits, rank = (token[name] for name in ("kind", "part", "weight_set", "rank"))
    place = f"at depth {depth}"
    if kind not in LAYER_KINDS:
        raise LayoutError(_unexpected(kind, depth, token.start()))
    parts = LAYER_KINDS[kind].parts
    if part and part not in parts:
        known = " or ".join(kind + letter for letter in parts)
        remedy = f"use {known}, or the letter alone" if known else "such a layer is shared whole"
        raise LayoutError(f"unknown part '{kind}{part}' {place}; {remedy}")
    if not digits:
        if part:
            raise LayoutError(f"'{kind}{part}' {place} names no weight set; write {kind}{part}1")
        if rank is not None:
            raise LayoutError(
                f"'{kind}+r' {place} names no weight set that it differs from; write {kind}1+r8"
            )
        return Layer(kind)
    weight_set = _read_number("weight set", digits, place)
    return Layer(kind, weight_set, part, 0 if rank is None else _read_rank(kind, rank, place))


def _read_rank(kind: str, digits: str, place: str) -> int:
    if LAYER_KINDS[kind].is_reservoir:
        raise LayoutError(f"a reservoir '{kind}' {place} has no differences; only L learns them")
    return _read_number("rank", digits, place, MAX_RANK)


def _read_repeat(token: re.Match[str], groups: list[list[Layer]]) -> tuple[list[Layer], int]:
    """Close the innermost group; return its layers and its number of repeats."""
    place = f"at position {token.start()}"
    if len(groups) == 1:
        raise LayoutError(f"')' {place} closes nothing; write (…)*n")
    group = groups.pop()
    if not group:
        raise LayoutError(f"the group closed {place} is empty; put layers into it")
    if not token["times"]:
        raise LayoutError(f"the group closed {place} has no number of repeats; write (…)*n")
    return group, _read_number("repeat", token["times"], place)


def _read_number(what: str, digits: str, place: str, greatest: int = MAX_NUMBER) -> int:
    if not _NUMBER.fullmatch(digits) or int(digits) > greatest:
        value = digits if len(digits) <= 12 else digits[:11] + "…"
        raise LayoutError(f"{what} '{value}' {place} is not a number from 1 to {greatest}")
    return int(digits)


def _unexpected(character: str, depth: int, position: int) -> str:
    if character.isalpha():
        known = listed(LAYER_KINDS)
        return f"unknown layer kind {character!r} at depth {depth}; use {known}"
    return (
        f"unexpected {character!r} at position {position}; "
        "write letters, their weight sets and (…)*n, without spaces"
    )
