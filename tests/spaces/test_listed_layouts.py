"""Spaces whose layouts are listed, and decoders with the axes of encoders."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spaces.candidate import Candidate
from spaces.chooser import FixedChooser, SpaceError
from spaces.features import features
from spaces.layout import Layout
from spaces.space import SearchSpace
from spaces.space_fields import DECODER_AXES, ENCODER_AXES

from .strategies import layouts

ENCODERS = ["(R1L)*2", "LLLL", "LRRL", "RLLR"]


def space(**table: Any) -> SearchSpace:
    return SearchSpace.model_validate(table)


def candidates(space: SearchSpace) -> list[Candidate]:
    return [space.choose(FixedChooser(point)) for point in space.points()]


@given(st.lists(layouts(max_depth=6), min_size=1, max_size=5))
def test_a_listed_space_holds_its_layouts_in_their_canonical_form_and_no_other(found):
    wanted = {layout.canonical() for layout in found}
    listed = space(encoder=sorted(map(str, wanted)))
    held = candidates(listed)
    assert {one.encoder for one in held} == wanted
    assert len(held) == listed.n_points() == len(wanted)
    for one in held:
        assert listed.choose(FixedChooser(listed.encode(one))) == one
    assert len({len(features(one, listed)) for one in held}) == 1


def test_a_listed_layout_may_be_a_preset_and_is_listed_once():
    assert str(space(encoder="model4").encoder[0]) == "R1L1R1L1R1L1R1L1"
    with pytest.raises(ValidationError, match="a value is listed twice"):
        space(encoder=["model4", "(R3L7)*4"])


def test_the_layouts_of_a_list_differ_in_the_features_that_a_surrogate_sees():
    encoders = [*ENCODERS, "LRLRLL", "LLRRLL", "LRLLRL", "L1L1", "L1+r4L1+r4", "La1La1"]
    decoders = ["LR", "RL", "LL", "L1L1", "L1+r4L1+r4", "La1La1"]
    listed = space(encoder=encoders, decoder=decoders)
    seen = {features(one, listed) for one in candidates(listed)}
    assert len(seen) == listed.n_points() == 10 * 6


@pytest.mark.parametrize(
    ("stack", "axis"),
    [("encoder", axis) for axis in ENCODER_AXES] + [("decoder", axis) for axis in DECODER_AXES],
)
def test_a_list_and_an_axis_of_the_same_stack_exclude_each_other(stack: str, axis: str):
    default = SearchSpace().model_dump(mode="json")[axis]
    with pytest.raises(ValidationError, match=f"{stack} lists the layouts, so {axis} must be"):
        space(**{stack: ["LL", "RL"], axis: 2 if default is None else default})


def test_a_listed_space_reads_back_as_it_was_written():
    listed = space(encoder=ENCODERS, decoder=["LR", "L"], reservoir_gain=[1.0, 2.0])
    written = listed.model_dump(mode="json")
    assert not written.keys() & {*ENCODER_AXES, *DECODER_AXES}
    assert SearchSpace.model_validate_json(json.dumps(written)) == listed


def test_a_gain_is_asked_of_listed_layouts_with_reservoirs_alone():
    listed = space(encoder=["LL", "RL"], decoder=["L", "R"], reservoir_gain=[1.0, 2.0])
    assert listed.n_points() == len(list(listed.points())) == 1 + 3 * 2  # LL with L has none
    plain = space(encoder="LL", decoder="L", reservoir_gain={"low": 1.0, "high": 2.0})
    assert plain.continuous_axes() == ()


def test_a_layout_that_is_not_listed_is_refused_by_name():
    stranger = Candidate(
        encoder=Layout.parse("RRRR"), decoder=Layout.parse("RR"), reservoir_gain=1.0, hyper={}
    )
    with pytest.raises(SpaceError) as refused:
        space(encoder=ENCODERS, decoder="LL").encode(stranger)
    assert str(refused.value).splitlines() == [
        "space: encoder 'RRRR' is not in the space; it has R1LR1L, LLLL, LRRL, RLLR",
        "space: decoder 'RR' is not in the space; it has LL",
    ]


def test_a_listed_decoder_has_kinds_that_attend_to_the_encoder():
    with pytest.raises(ValidationError, match="kind 'F' at depth 1 cannot attend"):
        space(decoder=["LF"])


def test_decoders_have_the_order_and_the_sharing_that_encoders_have():
    axes = {
        "depth": [2, 4],
        "n_reservoirs": [0, 2],
        "interleaving": ["alternating-l-first", "top", "free"],
        "share_learned": ["none", "all"],
        "share_reservoir": ["none", "all"],
    }
    names = {"n_reservoirs": "decoder_reservoirs"}
    as_decoder = {names.get(name, f"decoder_{name}"): axis for name, axis in axes.items()}
    encoders = space(**axes)
    decoders = space(n_reservoirs=0, **as_decoder)
    assert decoders.n_points() == encoders.n_points()
    assert {one.decoder for one in candidates(decoders)} == {
        one.encoder for one in candidates(encoders)
    }
    assert len({features(one, decoders) for one in candidates(decoders)}) > len(
        {one.decoder.depth for one in candidates(decoders)}
    )


@pytest.mark.parametrize("kind", ["F", "G", "C", "L"])
def test_a_decoder_has_no_kind_that_cannot_attend_to_the_encoder(kind: str):
    with pytest.raises(ValidationError, match=f"'{kind}' is no reservoir kind of a decoder"):
        space(decoder_reservoir_kind=kind)
