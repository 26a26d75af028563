"""Drawing of a layout as a stack, bottom to top, and its description in words."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from search.report.colours import weight_set
from search.report.templating import render
from spaces.kinds import LAYER_KINDS, PART_NAMES
from spaces.layout import Layer, Layout

WIDTH = 58  # of a layer, in pixels as all below
BETWEEN = 14  # the stacks
GAP = 3
LAYER_HEIGHT = 24
TALLEST = 20 * LAYER_HEIGHT  # deeper stacks have flatter layers
LABEL_HEIGHT = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One layer of the drawing."""

    text: str  # letter of the kind, with part and number of a shared weight set
    colour: str
    is_frozen: bool
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """One stack of the drawing: encoder or decoder."""

    label: str
    boxes: tuple[Box, ...]
    layer_height: float

    def top(self, box: Box, floor: float) -> float:
        """Pixels from the top of the drawing to the box, if the stack stands on ``floor``."""
        return floor - (box.depth + 1) * (self.layer_height + GAP)

    @property
    def height(self) -> float:
        return len(self.boxes) * (self.layer_height + GAP)


def stack_svg(encoder: Layout, decoder: Layout) -> Markup:
    """SVG of encoder and decoder, if any; equal colours share weights, hatched is frozen."""
    n_colours = len(_shared_sets(encoder))
    towers = [_tower("encoder", encoder, 0)]
    if decoder.depth:
        towers.append(_tower("decoder", decoder, n_colours))
    floor = max(tower.height for tower in towers)
    return render(
        "stack.html",
        towers=towers,
        words=in_words(encoder, decoder),
        floor=floor,
        width=WIDTH,
        all_width=len(towers) * (WIDTH + BETWEEN) - BETWEEN,
        between=BETWEEN,
        gap=GAP,
        label_height=LABEL_HEIGHT,
    )


def in_words(encoder: Layout, decoder: Layout) -> str:
    """Description of the drawing, for screen readers."""
    words = f"Encoder, bottom to top: {_described(encoder)}."
    return f"{words} Decoder: {_described(decoder)}." if decoder.depth else words


def boxes(stack: Layout, n_colours_before: int = 0) -> tuple[Box, ...]:
    """Layers of a stack with their colours, bottom to top."""
    shared = _shared_sets(stack)
    return tuple(
        Box(
            text=str(layer),
            colour=weight_set(
                n_colours_before + shared.index(layer.base) if layer.base in shared else None
            ),
            is_frozen=layer.is_reservoir,
            depth=depth,
        )
        for depth, layer in enumerate(stack.canonical().layers)
    )


def _tower(label: str, stack: Layout, n_colours_before: int) -> Tower:
    height = min(LAYER_HEIGHT, TALLEST / stack.depth)
    return Tower(label=label, boxes=boxes(stack, n_colours_before), layer_height=height)


def _shared_sets(stack: Layout) -> list[Layer]:
    """Weight sets that more than one layer uses, in order of first use."""
    sets = dict.fromkeys(layer.base for layer in stack.canonical().layers)
    return [base for base in sets if base.weight_set is not None]


def _described(stack: Layout) -> str:
    descriptions = []
    for layer in stack.canonical().layers:
        part = PART_NAMES[layer.part]
        sharing = "" if layer.weight_set is None else f" with shared {part} {layer}"
        frozen = ", frozen" if layer.is_frozen else ""
        descriptions.append(f"{LAYER_KINDS[layer.kind].name}{frozen}{sharing}")
    return "; ".join(descriptions)
