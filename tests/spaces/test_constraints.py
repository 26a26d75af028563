"""``space.where``: candidates that a space does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from spaces.candidate import Candidate
from spaces.chooser import FixedChooser, SpaceError, walk
from spaces.counts import ParamCounts
from spaces.space import SearchSpace

AXES: dict[str, Any] = {
    "depth": [2, 3, 5],
    "interleaving": ["bottom", "top", "free"],
    "reservoir_kind": ["R", "F"],
    "share_learned": ["none", "all"],
    "reservoir_gain": [1.0, 2.0],
    "decoder_depth": [1, 2],
    "decoder_reservoirs": [0, 1],
    "hyper": {
        "model.ffn": {"low": 64, "high": 256, "step": 64},
        "model.d_model": [16, 32, 64],
        "model.norm": ["pre", "post"],
    },
}
Rule = Callable[[Candidate], bool]
# Each constraint with the same rule in Python.
RULES: dict[str, Rule] = {
    "ffn == 4 * d_model": lambda c: c.hyper["model.ffn"] == 4 * c.hyper["model.d_model"],
    "kind != 'F' or depth > 4": lambda c: (
        set(c.encoder.kinds) - {"L"} != {"F"} or c.encoder.depth > 4
    ),
    "n_reservoirs * 2 <= depth": lambda c: c.encoder.n_reservoirs * 2 <= c.encoder.depth,
    "reservoir_gain == 1 or n_reservoirs > 1": lambda c: (
        c.reservoir_gain == 1.0 or c.encoder.n_reservoirs > 1
    ),
    "decoder_reservoirs == 0 or norm == 'pre'": lambda c: (
        c.decoder.n_reservoirs == 0 or c.hyper["model.norm"] == "pre"
    ),
    "encoder not in ['LL', 'RL']": lambda c: str(c.encoder) not in ("LL", "RL"),
    "interleaving in ['', 'top']": lambda c: "L" not in c.encoder.kinds.lstrip("L"),
    "share_learned == 'none'": lambda c: (
        not any(layer.kind == "L" and layer.weight_set for layer in c.encoder.layers)
    ),
    "decoder == 'L' or decoder_depth == 2": lambda c: str(c.decoder) != "R",
}
FREE = SearchSpace.model_validate(AXES)
SMALL = SearchSpace.model_validate(
    AXES
    | {
        "depth": [2, 3],
        "interleaving": ["bottom", "top"],
        "decoder_depth": 2,
        "hyper": {"model.ffn": [64, 128], "model.d_model": [16, 32], "model.norm": "post"},
    }
)


@given(st.lists(st.sampled_from(sorted(RULES)), min_size=1, max_size=3, unique=True))
@settings(deadline=None, max_examples=8)
def test_the_points_are_those_that_satisfy_every_constraint_and_the_size_is_their_number(where):
    every = [(str(point), candidate) for point, candidate in walk(SMALL.choose)]
    wanted = [point for point, found in every if all(RULES[text](found) for text in where)]
    assume(wanted)
    space = SearchSpace.model_validate(SMALL.model_dump() | {"where": tuple(where)})
    assert [str(point) for point in space.points()] == wanted
    assert space.n_points() == len(wanted)


@pytest.mark.parametrize("text", RULES)
def test_a_forbidden_candidate_is_refused_with_the_constraint(text: str):
    space = SearchSpace.model_validate(AXES | {"where": text})
    for point, found in walk(FREE.choose, {"model.norm": "post", "model.d_model": 16}):
        refusal = space.refusal(found)
        assert (refusal is None) == RULES[text](found), point
        assert refusal in (None, f"where '{text}' does not hold")
        if refusal:
            with pytest.raises(SpaceError, match="does not hold"):
                space.encode(found)
            return


@pytest.mark.timeout(10)
def test_a_vast_space_is_counted_by_what_its_constraints_use():
    vast = AXES | {"depth": 24, "interleaving": "free"}
    hyper = ["ffn == 4 * d_model"]
    n_points = SearchSpace.model_validate(vast).n_points()
    # 64, 128, 256 with 16, 32, 64: 3 of 4 x 3.
    constrained = SearchSpace.model_validate(vast | {"where": hyper})
    assert constrained.n_points() == n_points * 3 // 12
    # Stacks of 24 layers are too many to go through.
    assert SearchSpace.model_validate(vast | {"where": "n_reservoirs > 9"}).n_points() is None


def test_a_list_of_layouts_can_be_constrained():
    space = SearchSpace.model_validate(
        {"encoder": ["RL", "LL", "FLL"], "decoder": ["L", "R"], "where": "kind == decoder_kind"}
    )
    found = [space.choose(FixedChooser(point)) for point in space.points()]
    assert [(str(one.encoder), str(one.decoder)) for one in found] == [("RL", "R"), ("LL", "L")]


def test_constraints_on_parameters_wait_for_their_counts():
    space = SearchSpace.model_validate({"depth": 2, "where": "mparams_total <= 1.5 * depth"})
    assert space.n_points() == 3
    candidate = space.choose(FixedChooser({"n_reservoirs": 1}))
    assert space.refusal(candidate) is None
    for n_params, is_allowed in ((2_900_000, True), (3_100_000, False)):
        counts = ParamCounts(total=n_params, learned=1, stored=1, encoder=1)
        assert (space.refusal(candidate, counts) is None) == is_allowed


RANGES: dict[str, Any] = {
    "hyper": {
        "train.lr": {"low": 1e-3, "high": 1e-2},
        "model.ffn": {"low": 64, "high": 1024},
        "model.d_model": [32, 64],
    }
}


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"where": "width > 3"}, "where 'width > 3' has the unknown name width; known are decoder"),
        (
            {"where": "ffn == 4 * d_model"},
            "in [space.hyper], where one value is a list of one, as model.d_model = [64]",
        ),
        ({"where": "depth >"}, "where 'depth >' is not an expression"),
        ({"where": "depth.real > 1"}, "Attribute is not allowed"),
        ({"where": "depth + 1"}, "where 'depth + 1' is 9, neither true nor false"),
        ({"where": "2 * mparams_total"}, "is 2.0, neither true nor false"),
        ({"where": "depth > 'a'"}, "'>' not supported between instances of 'int' and 'str'"),
        ({"where": ["depth > 2", "depth > 8"]}, "'depth > 8': no candidate of the space satisfies"),
        ({"where": "interleaving == 'top'", "encoder": ["LL"]}, "unknown name interleaving"),
        (
            RANGES | {"where": ["ffn == 4 * d_model", "lr > 0.1"]},
            "none of 5,000 candidates drawn at random satisfies this",
        ),
    ],
)
def test_a_constraint_that_cannot_be_or_leaves_nothing_is_told_at_once(
    table: dict[str, Any], fault: str
):
    with pytest.raises(ValidationError) as refused:
        SearchSpace.model_validate(table)
    assert fault in str(refused.value)


def test_a_constraint_that_ranges_can_satisfy_is_none_that_leaves_nothing():
    space = SearchSpace.model_validate(RANGES | {"where": ["ffn >= 4 * d_model", "lr < 0.005"]})
    assert space.n_points() is None
