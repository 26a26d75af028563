"""The number of a space's candidates: as many as its points have keys."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.chooser import FixedChooser
from spaces.space import SearchSpace, SpaceSize
from tests.spaces.strategies import spaces

# Settings that some layouts, or some values of others, make inert; and one that always counts.
SETTINGS: Mapping[str, list[str | int | float]] = {
    "model.attention": ["softmax", "linformer", "performer"],
    "model.attention_features": [16, 32],
    "model.attention_length": [8, 16],
    "model.attention_sharing": ["headwise", "layerwise"],
    "model.reservoir_draw": ["xavier", "sparse", "orthogonal"],
    "model.reservoir_density": [0.1, 0.2],
    "model.reservoir_dropout": [0.0, 0.1],
    "model.ffn": [64, 128],
}
RULES = [
    "n_reservoirs != 1",
    "interleaving != 'bottom'",
    "attention == 'softmax' or attention_length < 10",
    "reservoir_density < 0.15",
    "reservoir_gain == 1 or ffn == 64",
]
SMALL = SearchSpace.model_validate(
    {
        "depth": [2, 3],
        "interleaving": ["bottom", "alternating-r-first", "top"],
        "reservoir_kind": ["R", "P", "F"],
        "share_learned": ["none", "pairs", "all"],
        "reservoir_gain": [1.0, 2.0],
        "decoder_depth": 1,
        "decoder_reservoirs": [0, 1],
    }
)


def n_keys(space: SearchSpace) -> int:
    return len({space.choose(FixedChooser(point)).key for point in space.points()})


@given(spaces())
def test_layouts_that_several_points_make_count_once(space: SearchSpace):
    assert space.size() == SpaceSize(n_candidates=n_keys(space), is_exact=True)


some_settings = st.lists(st.sampled_from(sorted(SETTINGS)), unique=True, max_size=3)


@given(some_settings, st.lists(st.sampled_from(RULES), unique=True, max_size=2))
@settings(deadline=None, max_examples=30)
def test_settings_that_change_nothing_count_once_with_constraints_too(
    names: list[str], where: list[str]
):
    used = {name for name in SETTINGS if any(name.partition(".")[2] in rule for rule in where)}
    hyper = {name: SETTINGS[name] for name in {*names, *used}}
    space = SearchSpace.model_validate(SMALL.model_dump() | {"hyper": hyper, "where": where})
    assert space.size() == SpaceSize(n_candidates=n_keys(space), is_exact=True)


def test_reservoirs_settings_count_once_without_reservoirs():
    density = {"model.reservoir_density": [0.1, 0.2], "model.reservoir_draw": ["xavier", "sparse"]}
    space = SearchSpace.model_validate(
        {"depth": 2, "n_reservoirs": [0, 1], "interleaving": "bottom", "hyper": density}
    )
    # LL; RL as Xavier draws it, and sparse with two densities.
    assert (space.n_points(), str(space.size())) == (8, "4 candidates")


@pytest.mark.timeout(10)
def test_of_a_vast_space_only_the_points_are_counted():
    vast = SearchSpace.model_validate({"depth": 64, "n_reservoirs": 32, "interleaving": "free"})
    n_points = vast.n_points()
    assert n_points is not None
    assert vast.size() == SpaceSize(n_candidates=n_points, is_exact=False)
    assert str(vast.size()) == f"at most {n_points:,} candidates"


def test_constraints_on_parameters_leave_fewer_than_are_counted():
    space = SearchSpace.model_validate({"depth": 1, "where": "mparams_total < depth"})
    assert str(space.size()) == "at most 2 candidates"


def test_a_range_has_no_end():
    assert (
        SearchSpace.model_validate({"hyper": {"train.lr": {"low": 0.1, "high": 1}}}).size() is None
    )
