from __future__ import annotations

import pytest
from hypothesis import given
from pydantic import BaseModel, ConfigDict, ValidationError

from spaces.kinds import LAYER_KINDS
from spaces.layout import Layout
from spaces.layout_fields import DecoderLayout, EncoderLayout, WrittenLayout
from tests.spaces.strategies import layouts


class Stacks(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    written: WrittenLayout = Layout.parse("L")
    encoder: EncoderLayout = Layout.parse("L")
    decoder: DecoderLayout = Layout.parse("L")


@given(layout=layouts())
def test_text_and_layout_are_one_value_and_are_dumped_as_text(layout: Layout):
    of_text, of_layout = (
        Stacks.model_validate({"written": value, "encoder": value})
        for value in (str(layout), layout)
    )
    assert of_text == of_layout
    assert hash(of_text) == hash(of_layout)
    assert (of_text.written, of_text.encoder) == (layout, layout.canonical())
    assert of_text.model_dump() == {
        "written": str(layout),
        "encoder": str(layout.canonical()),
        "decoder": "L",
    }
    assert Stacks.model_validate_json(of_text.model_dump_json()) == of_text


@given(layout=layouts())
def test_a_decoder_is_a_layout_of_layers_that_attend_to_the_encoder(layout: Layout):
    for value in (str(layout), layout):
        if all(LAYER_KINDS[kind].in_decoder for kind in layout.kinds):
            found = Stacks.model_validate({"decoder": value})
            assert found.decoder == layout.canonical()
        else:
            with pytest.raises(ValidationError, match="cannot attend to the encoder"):
                Stacks.model_validate({"decoder": value})


def test_a_presets_name_stands_for_an_encoder_alone():
    assert str(Stacks.model_validate({"encoder": "model3"}).encoder) == "R1LR1LR1LR1L"
    for name in ("written", "decoder"):
        with pytest.raises(ValidationError, match="unknown layer kind"):
            Stacks.model_validate({name: "model3"})


@pytest.mark.parametrize("name", ["written", "encoder", "decoder"])
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("LXL", "layout 'LXL': unknown layer kind 'X' at depth 1"),
        ("", "it has no layers"),
        (["L"], "must be a layout in its notation"),
        ({"layers": []}, "must be a layout in its notation"),
        (None, "must be a layout in its notation"),
    ],
)
def test_what_is_no_layout_is_refused_with_its_place(name: str, value: object, rule: str):
    with pytest.raises(ValidationError, match=rule) as refused:
        Stacks.model_validate({name: value})
    assert [fault["loc"] for fault in refused.value.errors()] == [(name,)]
