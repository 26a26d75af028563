import json
import random
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from spaces.candidate import Candidate
from spaces.chooser import FixedChooser, SpaceError
from spaces.kinds import LAYER_KINDS, reservoir_letters
from spaces.layout import Layout
from spaces.presets import PRESETS
from spaces.sharing import share
from spaces.space import SearchSpace

from .strategies import SHARINGS, spaces

RANGES = {
    "depth": [4, 6],
    "n_reservoirs": [0, 2, 4],
    "interleaving": ["even", "free"],
    "reservoir_gain": {"low": 0.5, "high": 4, "log": True},
    "hyper": {
        "train.lr": {"low": 1e-4, "high": 1e-2, "log": True},
        "train.warmup_updates": {"low": 100, "high": 1000},
        "model.d_model": [128, 256],
    },
}
WIDE = SearchSpace.model_validate(RANGES)


class RandomChooser:
    """Answers at random and holds each name to one question."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.point = {}
        self.questions = defaultdict(set)

    def categorical(self, name, values):
        assert len(values) > 1
        assert name not in self.point
        self.questions[name].add(tuple(values))
        self.point[name] = self._rng.choice(values)
        return self.point[name]

    def real(self, name, low, high, *, log, step=None):
        assert name not in self.point
        self.questions[name].add((low, high, log, step))
        share = self._rng.random()
        value = low * (high / low) ** share if log else low + (high - low) * share
        if step is not None:
            value = low + step * self._rng.randrange(round((high - low) / step) + 1)
        self.point[name] = min(max(value, low), high)  # rounding may leave the range
        return self.point[name]

    def whole(self, name, low, high, *, log, step=None):
        self.point[name] = round(self.real(name, low, high, log=log, step=step or 1))
        return self.point[name]


rngs = st.randoms(use_true_random=False)


def candidate(encoder: str, *, decoder: str = "LL", gain: float = 1.0, **hyper) -> Candidate:
    return Candidate(
        encoder=Layout.parse(encoder),
        decoder=Layout.parse(decoder),
        reservoir_gain=gain,
        hyper=hyper,
    )


@given(spaces())
def test_every_point_is_listed_once_and_the_size_is_their_number(space):
    points = [json.dumps(point) for point in space.points()]
    assert len(set(points)) == len(points) == space.n_points()


@given(spaces(), rngs)
def test_every_way_of_answering_is_among_the_points(space, rng):
    chooser = RandomChooser(rng)
    space.choose(chooser)
    assert chooser.point in list(space.points())


@given(spaces(), rngs)
def test_a_point_maps_to_one_candidate(space, rng):
    chooser = RandomChooser(rng)
    found = space.choose(chooser)
    assert space.choose(FixedChooser(chooser.point)) == found
    assert found.encoder == found.encoder.canonical()


@given(spaces() | st.just(WIDE), rngs)
def test_every_candidate_of_a_space_encodes_back_to_its_model(space, rng):
    found = space.choose(RandomChooser(rng))
    point = space.encode(found)
    assert space.choose(FixedChooser(point)).key == found.key
    assert space.choose(FixedChooser(json.loads(json.dumps(point)))).key == found.key


@given(spaces())
@settings(max_examples=40)
def test_a_name_always_comes_with_the_same_values(space):
    questions = defaultdict(set)
    for seed in range(30):
        chooser = RandomChooser(random.Random(seed))
        space.choose(chooser)
        for name, values in chooser.questions.items():
            questions[name] |= values
    assert all(len(values) == 1 for values in questions.values())


@given(
    st.text([*LAYER_KINDS], min_size=1, max_size=6),
    st.sampled_from(SHARINGS),
    st.sampled_from(SHARINGS),
)
def test_a_free_space_holds_every_stack_of_its_kinds_and_sharings(kinds, learned, reservoir):
    space = SearchSpace.model_validate(
        {
            "depth": list(range(1, 7)),
            "interleaving": "free",
            "reservoir_kind": list(reservoir_letters()),
            "share_learned": SHARINGS,
            "share_reservoir": SHARINGS,
        }
    )
    layout = share(kinds, learned=learned, reservoir=reservoir)
    point = space.encode(candidate(str(layout)))
    assert space.choose(FixedChooser(point)).encoder == layout


@pytest.mark.parametrize("name", PRESETS)
def test_the_papers_models_are_points_of_one_space(name):
    space = SearchSpace.model_validate(
        {
            "interleaving": ["alternating-r-first", "even"],
            "share_learned": ["none", "all", "pairs"],
            "share_reservoir": ["none", "all", "pairs"],
        }
    )
    point = space.encode(candidate(str(PRESETS[name])))
    assert space.choose(FixedChooser(point)).encoder == PRESETS[name]


def questions(table: dict) -> set[str]:
    return {name for point in SearchSpace.model_validate(table).points() for name in point}


def test_the_default_space_asks_for_the_number_of_reservoirs_alone():
    assert questions({}) == {"n_reservoirs"}
    assert SearchSpace().n_points() == 9  # 0 to 8 of 8


def test_nothing_is_asked_that_does_not_matter():
    every = {
        "depth": 4,
        "interleaving": ["bottom", "top"],
        "reservoir_kind": ["R", "F"],
        "reservoir_gain": [1, 2],
        "share_learned": ["none", "all"],
        "share_reservoir": ["none", "all"],
    }
    learned, both = {"share_learned"}, {"reservoir_kind", "reservoir_gain"}
    assert questions(every | {"n_reservoirs": 0}) == learned
    assert questions(every | {"n_reservoirs": 1}) == learned | both | {"interleaving"}
    assert questions(every | {"n_reservoirs": 3}) == both | {"interleaving", "share_reservoir"}
    assert questions(every | {"n_reservoirs": 4}) == both | {"share_reservoir"}


def test_numbers_of_reservoirs_that_a_depth_cannot_hold_are_asked_by_another_name():
    assert questions({"depth": [2, 4], "n_reservoirs": [1, 2, 4]}) == {
        "depth",
        "n_reservoirs",
        "n_reservoirs-max-2",
    }


def test_free_places_each_reservoir_where_the_number_leaves_a_choice():
    space = SearchSpace(depth=(3,), n_reservoirs=(2,), interleaving=("free",))
    found = [str(space.choose(FixedChooser(point)).encoder) for point in space.points()]
    assert sorted(found) == ["LRR", "RLR", "RRL"]


@pytest.mark.timeout(5)
def test_the_size_of_a_vast_space_takes_no_time():
    space = SearchSpace(depth=(64,), interleaving=("free",), reservoir_kind=tuple("RFGC"))
    assert space.n_points() == 5**64  # five kinds at each depth


def test_a_range_has_no_points_and_no_size():
    assert WIDE.n_points() is None
    assert WIDE.continuous_axes() == ("reservoir_gain", "train.lr", "train.warmup_updates")
    with pytest.raises(SpaceError, match=r"reservoir_gain, train.lr, .*: a range"):
        WIDE.points()


def test_a_range_of_gains_does_not_matter_without_reservoirs():
    space = SearchSpace.model_validate(
        {"n_reservoirs": 0, "reservoir_gain": {"low": 1.0, "high": 2.0}}
    )
    assert (space.continuous_axes(), space.n_points(), list(space.points())) == ((), 1, [{}])


@given(rngs)
def test_a_range_written_in_whole_numbers_gives_whole_numbers_but_for_the_gain(rng):
    found = WIDE.choose(RandomChooser(rng))
    assert isinstance(found.hyper["train.warmup_updates"], int)
    assert isinstance(found.hyper["train.lr"], float)
    assert isinstance(found.reservoir_gain, float)


def test_a_space_is_the_same_from_python_and_from_json():
    assert SearchSpace.model_validate_json(json.dumps(RANGES)) == WIDE
    assert SearchSpace.model_validate_json(WIDE.model_dump_json()) == WIDE


def test_bare_dotted_names_are_read_as_the_quoted_ones():
    nested = {"train": {"lr": [1e-3, 3e-3]}, "model": {"dropout": {"low": 0.0, "high": 0.3}}}
    space = SearchSpace.model_validate({"hyper": nested})
    assert set(space.hyper) == {"train.lr", "model.dropout"}


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (candidate("R7LR7L3", **{"train.lr": 1}), True),
        (candidate("R1LR1L", gain=2.0, **{"train.lr": 1}), False),
        (candidate("R1LR1L", **{"train.lr": 2}), False),
        (candidate("R1LR1L", decoder="L", **{"train.lr": 1}), False),
        (candidate("RLRL", **{"train.lr": 1}), False),
    ],
)
def test_a_key_says_whether_two_candidates_are_the_same(other, is_same):
    assert (candidate("(R1L)*2", **{"train.lr": 1.0}).key == other.key) == is_same


def test_a_gain_that_no_reservoir_feels_is_not_in_the_key():
    assert candidate("LL", gain=2.0).key == candidate("LL").key
    assert candidate("LL", decoder="R", gain=2.0).key != candidate("LL", decoder="R").key


def faults(table: dict) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        SearchSpace.model_validate(table)
    return {
        ".".join(map(str, fault["loc"])): fault["msg"].removeprefix("Value error, ")
        for fault in caught.value.errors()
    }


def test_an_invalid_space_is_told_all_its_faults_at_once():
    found = faults(
        {
            "depth": [0, 4, 2.5],
            "interleaving": ["zigzag"],
            "share_learned": "cycle-1",
            "share_reservoir": [],
            "reservoir_kind": ["R", "L"],
            "reservoir_gain": {"low": 2.0, "high": 1.0},
            "hyper": {
                "lr": 1.0,
                "train.lr": {"low": 0.0, "high": 1.0, "log": True},
                "model.heads": [4, True],
            },
            "depht": 4,
        }
    )
    assert set(found) == {
        "depth.0",
        "depth.2",
        "interleaving.0",
        "share_learned.0",
        "share_reservoir",
        "reservoir_kind.1",
        "reservoir_gain.range",
        "hyper.lr.[key]",
        "hyper.train.lr.range",
        "hyper.model.heads.values.1",
        "depht",
    }
    assert found["reservoir_kind.1"] == "'L' is no reservoir kind; use R, A, N, Q, P, F, G or C"
    assert found["reservoir_gain.range"] == "low 2.0 must be below high 1.0"


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"depth": [4, 4]}, "a value is listed twice; list each value once"),
        ({"depth": 300}, "Input should be less than or equal to 256"),
        ({"depth": 4, "n_reservoirs": [2, 5]}, "5 reservoirs fit no depth; a stack holds"),
        ({"depth": [2, 8], "n_reservoirs": 4}, "none of them fits depth 2; a stack holds"),
        (
            {"share_reservoir": "all:attention", "reservoir_kind": ["R", "F"]},
            "a reservoir of kind F cannot share by share_reservoir 'all:attention'; only R, A,",
        ),
        ({"share_reservoir": ["none", "all:weights"]}, "a reservoir of kind R cannot share by"),
        ({"share_reservoir": "all+r8"}, "'all+r8': reservoirs have no differences"),
        ({"reservoir_gain": [1.0, 0.0]}, "a gain is a positive number"),
        ({"reservoir_gain": float("nan")}, "must be a finite number or a string"),
        ({"reservoir_gain": {"low": 1.0, "high": float("inf")}}, "must be a finite number"),
        ({"hyper": {"train.lr": {"low": 1, "high": 10**400}}}, "must be a finite number"),
        ({"hyper": {"train.lr": {}}}, "Field required"),
    ],
)
def test_a_fault_names_its_rule(table, fault):
    assert any(rule.startswith(fault) for rule in faults(table).values())


def test_every_value_of_a_candidate_outside_the_space_is_named():
    space = SearchSpace.model_validate(
        {"depth": [4, 6], "reservoir_gain": [1.0, 2.0], "hyper": {"train.lr": [1e-3]}}
    )
    stranger = candidate("LFLLL", decoder="LRL", gain=3.0, **{"train.lr": 1.0, "model.x": 1})
    with pytest.raises(SpaceError) as caught:
        space.encode(stranger)
    assert str(caught.value).splitlines() == [
        "space: depth 5 is not in the space; it has 4, 6",
        "space: reservoir_kind 'F' is not in the space; it has R",
        "space: decoder_depth 3 is not in the space; it has 2",
        "space: decoder_reservoirs 1 is not in the space; it has 0",
        "space: reservoir_gain 3.0 is not in the space; it has 1.0, 2.0",
        "space: train.lr 1.0 is not in the space; it has 0.001",
        "space: 'model.x' is no axis",
    ]


def test_a_layout_that_no_pattern_makes_is_refused():
    with pytest.raises(SpaceError, match="'LRRLLLLL': no interleaving and sharing of the space"):
        SearchSpace().encode(candidate("LRRLLLLL"))


@pytest.mark.parametrize(
    ("point", "fault"),
    [
        ({}, "'n_reservoirs' has no value; add it to the point"),
        ({"n_reservoirs": 9}, "n_reservoirs 9 is not in the space; it has 0, 1, 2"),
    ],
)
def test_a_point_of_another_space_is_refused(point, fault):
    with pytest.raises(SpaceError, match=fault):
        SearchSpace().choose(FixedChooser(point))


def test_a_space_holds_decoders_with_reservoirs():
    space = SearchSpace.model_validate(
        {
            "n_reservoirs": 0,
            "decoder_depth": [1, 2, 3],
            "decoder_reservoirs": [0, 1, 2],
            "reservoir_gain": [1.0, 2.0],
        }
    )
    found = [space.choose(FixedChooser(point)) for point in space.points()]
    decoders = {str(one.decoder) for one in found}
    assert decoders == {"L", "R", "LL", "RL", "RR", "LLL", "RLL", "RLR"}
    # The gain matters but for L, LL and LLL.
    assert len({one.key for one in found}) == len(found) == space.n_points() == 3 + 5 * 2


def test_decoders_that_hold_no_number_of_reservoirs_are_refused():
    found = faults({"decoder_depth": [1, 2], "decoder_reservoirs": [2, 3]})
    assert found["decoder_reservoirs"].startswith(
        "3 reservoirs fit no depth, none of them fits depth 1"
    )


def test_how_reservoirs_are_drawn_is_not_in_the_key_where_there_is_none():
    ways = [{"model.reservoir_draw": way} for way in ("xavier", "orthogonal")]
    assert len({candidate("LL", **way).key for way in ways}) == 1
    assert len({candidate("RL", **way).key for way in ways}) == 2
