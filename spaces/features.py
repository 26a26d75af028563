"""A candidate as numbers, few and smooth, from which its AUCC can be guessed."""

from __future__ import annotations

from collections.abc import Callable
from math import log

from spaces.axes import Range
from spaces.candidate import Candidate
from spaces.chooser import Scalar
from spaces.kinds import ATTENTION, FEED_FORWARD, LAYER_KINDS
from spaces.layout import Layer, Layout
from spaces.sharing import part_of
from spaces.space import SearchSpace

Features = tuple[float, ...]


def features(candidate: Candidate, space: SearchSpace) -> Features:
    """The numbers by which a candidate resembles others of ``space``, always as many."""
    hyper = [
        number
        for name, axis in space.hyper.items()
        for number in _numbers(axis, candidate.hyper[name])
    ]
    return (
        *_layout_features(candidate.encoder),
        float(candidate.decoder.depth),
        *([float(candidate.decoder.n_reservoirs)] if len(space.decoder_reservoirs) > 1 else []),
        *([_reach(candidate.encoder)] if _differ_in_order(space) else []),
        *(_component_features(candidate.encoder) if _share_parts(space) else []),
        log(candidate.reservoir_gain),
        *hyper,
    )


def _differ_in_order(space: SearchSpace) -> bool:
    """Whether layouts with as many weight sets may differ in who shares with whom."""
    by_order = ("groups", "sequence", "cycle-rev", "sandwich")
    return any(rule.startswith(by_order) for rule in (*space.share_learned, *space.share_reservoir))


def _share_parts(space: SearchSpace) -> bool:
    """Whether layers may share a part of their weights."""
    return any(map(part_of, (*space.share_learned, *space.share_reservoir)))


def _component_features(layout: Layout) -> Features:
    """How many attentions and feed-forward blocks there are."""
    return tuple(float(len(set(layout.owners_of(c)))) for c in (ATTENTION, FEED_FORWARD))


def _reach(layout: Layout) -> float:
    """How far apart depths lie that follow each other in one weight set, as a share of all."""
    last: dict[Layer, int] = {}
    gaps = []
    for depth, layer in enumerate(layout.layers):
        if layer in last:
            gaps.append(depth - last[layer])
        if layer.weight_set is not None:
            last[layer] = depth
    return sum(gaps) / len(gaps) / layout.depth if gaps else 0.0


def _layout_features(layout: Layout) -> Features:
    """Layers by kind, weight sets, and where the reservoirs lie.

    Parameters and FLOPs are sums over these, so they add nothing to them.
    """
    at = [depth for depth, layer in enumerate(layout.layers) if layer.is_reservoir]
    # Between 0, all at the bottom, and 1; in the middle where there is none.
    place = sum((depth + 0.5) / layout.depth for depth in at) / len(at) if at else 0.5
    n_learned_sets = sum(not LAYER_KINDS[kind].is_reservoir for kind in layout.set_kinds)
    return (
        *(float(layout.kinds.count(kind)) for kind in LAYER_KINDS),
        float(n_learned_sets),
        float(len(layout.set_kinds) - n_learned_sets),
        place,
        float(layout.layers[0].is_reservoir),
        float(layout.layers[-1].is_reservoir),
    )


def _numbers(axis: Range | tuple[Scalar, ...], value: Scalar) -> list[float]:
    """A number as itself or its logarithm; a word as one number for each word of the axis."""
    if isinstance(axis, Range):
        return [_scale(axis.log)(float(value))]
    if any(isinstance(choice, str) for choice in axis):
        return [float(choice == value) for choice in axis]
    numbers = [float(choice) for choice in axis]
    return [_scale(min(numbers) > 0)(float(value))]


def _scale(is_log: bool) -> Callable[[float], float]:
    return log if is_log else float
