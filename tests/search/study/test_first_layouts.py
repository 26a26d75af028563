from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from search.study.config import StudyConfig, study_from
from search.study.first_layouts import first_point
from spaces.chooser import FixedChooser
from spaces.errors import UserError
from spaces.space import SearchSpace

Study = Callable[..., StudyConfig]
AXES: dict[str, Any] = {"depth": 4, "interleaving": ["bottom", "top"], "decoder_depth": [3, 1]}


def space(**axes: Any) -> SearchSpace:
    return SearchSpace(**{**AXES, **axes})


@pytest.mark.parametrize("text", ["LLLL", "(R)*2LL", "LLR3R8"])
def test_a_first_layout_is_a_point_with_the_first_value_of_each_list(text: str):
    axes = {"reservoir_gain": [2.0, 1.0], "hyper": {"train.lr": [2e-3, 1e-3]}}
    candidate = space(**axes).choose(FixedChooser(first_point(text, space(**axes))))
    n_reservoirs = text.count("R") + ("*2" in text)
    assert candidate.encoder.n_reservoirs == n_reservoirs
    assert candidate.decoder.depth == 3
    assert candidate.reservoir_gain == (2.0 if n_reservoirs else 1.0)
    assert candidate.hyper == {"train.lr": 2e-3}


def test_of_a_range_it_has_the_middle_in_the_logarithm_where_that_is_even():
    ranges = space(
        reservoir_gain={"low": 1.0, "high": 9.0, "log": True},
        hyper={
            "model.dropout": {"low": 0.0, "high": 0.5},
            "train.warmup_updates": {"low": 10, "high": 1000, "log": True},
        },
    )
    candidate = ranges.choose(FixedChooser(first_point("RLLL", ranges)))
    assert candidate.reservoir_gain == pytest.approx(3.0)  # 3 / 1 = 9 / 3
    assert candidate.hyper == {"model.dropout": 0.25, "train.warmup_updates": 100}


def test_a_preset_stands_for_its_layout():
    eight = space(depth=8, interleaving="alternating-r-first", share_reservoir=["none", "all"])
    assert first_point("model3", eight) == first_point("(R1L)*4", eight)


@pytest.mark.parametrize(
    ("layout", "rule"),
    [
        ("model9", "layout 'model9': no preset has this name"),
        ("LXLL", "unknown layer kind 'X' at depth 1"),
        ("LLLLL", "'LLLLL': depth 5 is not in the space; it has 2, 3; widen the space"),
        ("FL", "'FL': reservoir_kind 'F' is not in the space; it has R"),
        ("LRL", "no interleaving and sharing of the space make it"),
    ],
)
def test_a_first_layout_that_the_space_lacks_is_refused(tiny_study: Study, layout: str, rule: str):
    with pytest.raises(UserError, match=re.escape(rule)) as refused:
        tiny_study(search={"first": ["LL", layout]})
    assert "test: search.first" in str(refused.value)
    assert "'LL'" not in str(refused.value)


def test_all_wrong_first_layouts_are_told_at_once_with_the_other_faults(tiny_study: Study):
    with pytest.raises(UserError) as refused:
        tiny_study(search={"first": ["LLLLL", "LX"]}, scheduler={"clock": "tokens"})
    for fault in ("'LLLLL'", "'X'", "budget.tokens must be given"):
        assert fault in str(refused.value)


def test_a_whole_candidate_is_a_point_with_all_that_it_gives(tiny_study: Study):
    axes = {
        "depth": 4,
        "interleaving": ["bottom", "top"],
        "decoder": ["LL", "RL"],
        "reservoir_gain": [1.0, 2.0],
        "hyper": {"train.lr": [1e-3, 2e-3], "model.ffn": {"low": 32, "high": 64, "step": 16}},
    }
    given = {
        "encoder": "LLRR",
        "decoder": "RL",
        "reservoir_gain": 2.0,
        "hyper": {"train": {"lr": 2e-3}},  # as TOML reads a bare train.lr
    }
    study = study_from(
        {"data": "d", "name": "a", "budget": {"updates": 9}, "space": axes}
        | {"search": {"first": ["LLLL", given]}},
        "test",
    )
    space = study.space
    plain, whole = (
        space.choose(FixedChooser(first_point(first, space))) for first in study.search.first
    )
    assert (str(plain.encoder), str(plain.decoder), plain.reservoir_gain) == ("LLLL", "LL", 1.0)
    assert (str(whole.encoder), str(whole.decoder), whole.reservoir_gain) == ("LLRR", "RL", 2.0)
    assert whole.hyper == {"train.lr": 2e-3, "model.ffn": 48}


@pytest.mark.parametrize(
    ("first", "rule"),
    [
        ({"encoder": "LX"}, "search.first.0.encoder 'LX': layout 'LX': unknown layer kind 'X'"),
        ({"decoder": "L"}, "search.first.0.encoder: is missing"),
        ({"encoder": "LL", "depth": 2}, "search.first.0.depth 2: there is no such setting"),
        (
            {"encoder": "LL", "decoder": "RL"},
            "search.first 'LL': decoder_depth 2 is not in the space; it has 1",
        ),
        ({"encoder": "RR", "reservoir_gain": 3.0}, "reservoir_gain 3.0 is not in the space"),
        ({"encoder": "LL", "hyper": {"train.lr": 1.0}}, "'train.lr' is no axis"),
        ({"encoder": "R1R1"}, "search.first 'R1R1': where 'share_reservoir == 'none'' does not"),
    ],
)
def test_a_whole_candidate_that_the_space_lacks_is_refused(
    tiny_study: Study, first: dict[str, Any], rule: str
):
    space = {"share_reservoir": ["none", "all"], "where": ["share_reservoir == 'none'"]}
    with pytest.raises(UserError, match=re.escape(rule)):
        tiny_study(space=space, search={"first": [first]})
