"""Named quantities of a candidate, as the expressions of ``space.where`` use them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import product
from types import MappingProxyType

from spaces.expression import Value
from spaces.interleaving import FREE, reservoir_depths
from spaces.kinds import reservoir_letters
from spaces.layout import Layer, Layout
from spaces.sharing import share
from spaces.stacks import PatternStack, Stack

# Parameters in millions, and the field of ``ParamCounts`` that each comes from.
MPARAMS: Mapping[str, str] = MappingProxyType(
    {f"mparams_{counted}": counted for counted in ("total", "learned", "stored", "encoder")}
)

LayoutQuantities = Mapping[str, Callable[[Layout], Value]]


def encoder_quantities(stack: Stack) -> LayoutQuantities:
    """Functions of a canonical encoder, by the name of the quantity."""
    return {"encoder": str, **_stack_quantities(stack, prefix="", number="n_reservoirs")}


def decoder_quantities(stack: Stack) -> LayoutQuantities:
    """Functions of a canonical decoder, by the name of the quantity."""
    own = _stack_quantities(stack, prefix="decoder_", number="decoder_reservoirs")
    return {"decoder": str, **own}


def setting_names(hyper: Iterable[str]) -> Mapping[str, str]:
    """Dotted names of hyper-parameters by their last words: ``ffn`` for ``model.ffn``."""
    return {name.partition(".")[2]: name for name in sorted(hyper)}


def _stack_quantities(stack: Stack, *, prefix: str, number: str) -> LayoutQuantities:
    found: dict[str, Callable[[Layout], Value]] = {
        f"{prefix}depth": lambda layout: layout.depth,
        number: lambda layout: layout.n_reservoirs,
        f"{prefix}kind": _kind,
    }
    if not isinstance(stack, PatternStack):  # a list does not say how its layouts were made
        return found
    rules = list(product(stack.share_learned, stack.share_reservoir))
    return found | {
        f"{prefix}interleaving": partial(_interleaving, patterns=stack.interleavings),
        f"{prefix}share_learned": partial(_sharing, rules=rules, of_reservoirs=False),
        f"{prefix}share_reservoir": partial(_sharing, rules=rules, of_reservoirs=True),
    }


def _kind(layout: Layout) -> str:
    """Letters of the reservoirs' kinds, in the order of the table of kinds; empty without any."""
    return "".join(letter for letter in reservoir_letters() if letter in layout.kinds)


def _interleaving(layout: Layout, *, patterns: Sequence[str]) -> str:
    """The first of ``patterns`` that places the reservoirs so; empty with one kind of layer."""
    at = layout.reservoir_depths
    if len(at) in (0, layout.depth):
        return ""
    return next(
        (
            pattern
            for pattern in patterns
            if pattern != FREE
            and reservoir_depths(pattern, depth=layout.depth, n_reservoirs=len(at)) == at
        ),
        FREE,
    )


def _sharing(layout: Layout, *, rules: Sequence[tuple[str, str]], of_reservoirs: bool) -> str:
    """The first rule that shares these layers so; ``none`` where nothing is shared."""

    def own(stack: Layout) -> list[Layer]:
        return [layer for layer in stack.layers if layer.is_reservoir == of_reservoirs]

    if all(layer.weight_set is None for layer in own(layout)):
        return "none"
    for learned, reservoir in rules:
        if own(share(layout.kinds, learned=learned, reservoir=reservoir)) == own(layout):
            return reservoir if of_reservoirs else learned
    raise ValueError(f"no rule of the space shares the layers of {layout}")
