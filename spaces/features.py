"""Features of a candidate: a few smooth numbers from which a surrogate predicts its AUCC."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from statistics import pstdev

from spaces.axes import Range
from spaces.candidate import Candidate
from spaces.chooser import Scalar
from spaces.kinds import ATTENTION, FEED_FORWARD, LAYER_KINDS
from spaces.layout import Layer, Layout
from spaces.sharing import part_of, rank_of
from spaces.space import SearchSpace

Features = tuple[float, ...]


def features(candidate: Candidate, space: SearchSpace) -> Features:
    """Feature vector of a candidate; its length is the same for all candidates of ``space``.

    Raises:
        KeyError: the candidate has no value for a hyper-parameter of ``space``.
    """
    hyper = [
        number
        for name, axis in space.hyper.items()
        for number in _numbers(axis, candidate.hyper[name])
    ]
    return (
        *_layout_features(candidate.encoder),
        *_decoder_features(candidate.decoder, space),
        *([_mean_reuse_distance(candidate.encoder)] if _differ_in_order(space) else []),
        *(_component_features(candidate.encoder) if _shares_parts(space) else []),
        *([_spread(candidate.encoder)] if _differ_in_spread(space) else []),
        *([_mean_rank(candidate.encoder)] if _differ_in_rank(space) else []),
        log(candidate.reservoir_gain),
        *hyper,
    )


def _decoder_features(decoder: Layout, space: SearchSpace) -> Features:
    """Depth and number of reservoirs; of decoders that differ in more, all that encoders have."""
    if space.decoder is not None or any(
        len(axis) > 1
        for axis in (
            space.decoder_interleaving,
            space.decoder_share_learned,
            space.decoder_share_reservoir,
            space.decoder_reservoir_kind,
        )
    ):
        return (
            *_layout_features(decoder),
            *_component_features(decoder),
            _mean_reuse_distance(decoder),
            _mean_rank(decoder),
        )
    n_reservoirs = [float(decoder.n_reservoirs)] if len(space.decoder_reservoirs) > 1 else []
    return (float(decoder.depth), *n_reservoirs)


def _differ_in_order(space: SearchSpace) -> bool:
    """True if layouts with equally many weight sets can differ in the depths that share."""
    if space.encoder is not None:
        return any(layer.weight_set for layout in space.encoder for layer in layout.layers)
    by_order = ("groups", "sequence", "cycle-rev", "sandwich")
    return any(rule.startswith(by_order) for rule in (*space.share_learned, *space.share_reservoir))


def _shares_parts(space: SearchSpace) -> bool:
    """True if layers can share a part of their weights."""
    if space.encoder is not None:
        return any(layer.part for layout in space.encoder for layer in layout.layers)
    return any(map(part_of, (*space.share_learned, *space.share_reservoir)))


def _differ_in_rank(space: SearchSpace) -> bool:
    """True if layers that share can differ by low-rank differences."""
    if space.encoder is not None:
        return any(any(layout.ranks) for layout in space.encoder)
    return any(map(rank_of, space.share_learned))


def _differ_in_spread(space: SearchSpace) -> bool:
    """True if reservoirs of one mean position can lie close together or far apart."""
    return space.encoder is not None or "alternating-centred" in space.interleaving


def _spread(layout: Layout) -> float:
    """Standard deviation of the reservoirs' positions, divided by the depth; 0 without any."""
    return pstdev(layout.reservoir_depths) / layout.depth if layout.n_reservoirs else 0.0


def _component_features(layout: Layout) -> Features:
    """Numbers of distinct attentions and feed-forward blocks."""
    return tuple(float(len(set(layout.owners_of(c)))) for c in (ATTENTION, FEED_FORWARD))


def _mean_rank(layout: Layout) -> float:
    """Mean logarithm of one plus the rank of the depths' differences."""
    return sum(log(1 + rank) for rank in layout.ranks) / layout.depth


def _mean_reuse_distance(layout: Layout) -> float:
    """Mean distance between consecutive uses of a weight set, divided by the depth."""
    last: dict[Layer, int] = {}
    gaps = []
    for depth, layer in enumerate(layout.layers):
        if layer.base in last:
            gaps.append(depth - last[layer.base])
        if layer.weight_set is not None:
            last[layer.base] = depth
    return sum(gaps) / len(gaps) / layout.depth if gaps else 0.0


def _layout_features(layout: Layout) -> Features:
    """Numbers of layers by kind, numbers of weight sets, and the reservoirs' position.

    Parameters and FLOPs are sums over these, so as features they would add nothing.
    """
    at = layout.reservoir_depths
    # The reservoirs' mean position, from 0 at the bottom to 1 at the top; 0.5 without any.
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
    """A number or its logarithm; a word is one-hot encoded over the words of the axis."""
    if isinstance(axis, Range):
        return [_scale(axis.log)(float(value))]
    if any(isinstance(choice, str) for choice in axis):
        return [float(choice == value) for choice in axis]
    numbers = [float(choice) for choice in axis]
    return [_scale(min(numbers) > 0)(float(value))]


def _scale(is_log: bool) -> Callable[[float], float]:
    return log if is_log else float
