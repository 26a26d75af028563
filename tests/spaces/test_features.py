from __future__ import annotations

from typing import Any

import pytest

from spaces.candidate import Candidate
from spaces.chooser import FixedChooser
from spaces.features import features
from spaces.layout import Layout
from spaces.space import SearchSpace


def candidate(encoder: str, gain: float = 1.0, **hyper: Any) -> Candidate:
    return Candidate(
        encoder=Layout.parse(encoder),
        decoder=Layout.parse("L"),
        reservoir_gain=gain,
        hyper=hyper,
    )


def test_two_ways_to_write_one_model_have_the_same_features():
    space = SearchSpace(depth=(4,))
    assert features(candidate("(R7L)*2"), space) == features(candidate("R1LR1L"), space)


@pytest.mark.parametrize(
    ("one", "other"),
    [("RLLL", "LLLR"), ("RLRL", "R1LR1L"), ("RLRL", "RL1RL1"), ("RLLL", "FLLL"), ("LL", "LLL")],
)
def test_place_sharing_kind_and_depth_can_all_be_told_apart(one: str, other: str):
    space = SearchSpace(depth=(4,))
    assert features(candidate(one), space) != features(candidate(other), space)


def test_every_candidate_of_a_space_has_as_many_features():
    space = SearchSpace(
        depth=(1, 3),
        interleaving=("free",),
        reservoir_kind=("R", "G"),
        hyper={"train.lr": (1e-4, 1e-2), "model.norm": ("pre", "post")},
    )
    lengths = {len(features(space.choose(FixedChooser(point)), space)) for point in space.points()}
    assert len(lengths) == 1


def test_gain_and_positive_numbers_count_by_their_logarithm_and_words_by_which_one_it_is():
    space = SearchSpace(hyper={"lr.x": (1e-4, 1e-3, 1e-2), "norm.x": ("pre", "post")})

    def last(gain: float, lr: float, norm: str) -> list[float]:
        chosen = candidate("RL", gain, **{"lr.x": lr, "norm.x": norm})
        return list(features(chosen, space)[-4:])

    low, middle, high = last(0.5, 1e-4, "pre"), last(1.0, 1e-3, "pre"), last(2.0, 1e-2, "post")
    for i in (0, 1):
        assert middle[i] - low[i] == pytest.approx(high[i] - middle[i])
    assert (low[2:], high[2:]) == ([1.0, 0.0], [0.0, 1.0])


def test_sharings_of_as_many_sets_are_told_apart_where_the_space_has_them():
    space = SearchSpace(depth=(6,), share_learned=("sequence-3", "cycle-3", "cycle-rev-3"))
    found = {features(candidate(text), space) for text in ("L1L1L2L2L3L3", "(L1L2L3)*2")}
    assert len(found) == 2


def test_parts_shared_are_told_apart_where_the_space_has_them():
    rules = ("none", "all", "all:attention", "all:feed-forward", "all:weights", "pairs:attention")
    space = SearchSpace(depth=(4,), n_reservoirs=(0,), share_learned=rules)
    found = {features(space.choose(FixedChooser(point)), space) for point in space.points()}
    assert len(found) == len(rules)


def test_differences_are_told_apart_where_the_space_has_them():
    rules = ("none", "all", "all+r2", "all+r8", "all:attention+r8")
    space = SearchSpace(depth=(4,), n_reservoirs=(0,), share_learned=rules)
    found = {features(space.choose(FixedChooser(point)), space) for point in space.points()}
    assert len(found) == len(rules)


def test_reservoirs_of_the_decoder_are_told_apart_where_the_space_has_them():
    space = SearchSpace(decoder_depth=(2,), decoder_reservoirs=(0, 1))
    found = [features(space.choose(FixedChooser(p)), space) for p in space.points()]
    assert len(set(found)) == len(found) == space.n_points()
