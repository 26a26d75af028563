from __future__ import annotations

from hypothesis import given, settings

from spaces.chooser import FixedChooser
from spaces.counts import count_params
from spaces.dimensions import Dimensions
from spaces.extremes import extreme_layouts
from spaces.flops import flops_per_token
from spaces.layout import Layout
from spaces.space import SearchSpace
from tests.spaces.strategies import spaces

DIMS = Dimensions(d_model=16, ffn=40, heads=2, src_rows=30, tgt_rows=20, norm="pre", tied="decoder")


def costs(encoder: Layout, decoder: Layout) -> tuple[float, float]:
    flops = flops_per_token(encoder, decoder, DIMS, src_length=12, tgt_length=10)
    return flops.training, count_params(encoder, decoder, DIMS).learned


def n_params(encoder: Layout, decoder: Layout) -> tuple[int, int]:
    counts = count_params(encoder, decoder, DIMS)
    return counts.total, counts.encoder


@settings(deadline=None, max_examples=60)
@given(spaces())
def test_no_candidate_of_a_space_learns_or_computes_more_or_less_than_the_extremes(
    space: SearchSpace,
):
    extremes = [costs(*layouts) for layouts in extreme_layouts(space)]
    smallest = [min(ns) for ns in zip(*(n_params(*s) for s in extreme_layouts(space)), strict=True)]
    for point in space.points():
        candidate = space.choose(FixedChooser(point))
        found = costs(candidate.encoder, candidate.decoder)
        for place in (0, 1):
            lowest = min(extreme[place] for extreme in extremes)
            highest = max(extreme[place] for extreme in extremes)
            assert lowest * (1 - 1e-9) <= found[place] <= highest * (1 + 1e-9)
        numbers = n_params(candidate.encoder, candidate.decoder)
        assert all(n >= least for n, least in zip(numbers, smallest, strict=True))


def test_the_extremes_of_the_deepest_space_there_can_be_are_few():
    space = SearchSpace.model_validate(
        {"depth": [4, 256], "share_learned": ["none", "pairs"], "reservoir_kind": ["R", "F"]}
    )
    assert len(list(extreme_layouts(space))) < 2500
