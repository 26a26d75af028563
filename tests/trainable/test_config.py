from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spaces.layout import Layout
from tests.spaces.strategies import layouts
from trainable.config import Budget, ModelConfig, TrialConfig

decoders = st.lists(st.sampled_from(["L", "R", "L1", "R1", "La1", "Rf2"]), min_size=1).map("".join)


@given(encoder=layouts(), decoder=decoders)
def test_a_models_layouts_are_read_from_text_and_written_in_canonical_form(
    encoder: Layout, decoder: str
):
    model = ModelConfig.model_validate({"encoder": str(encoder), "decoder": decoder})
    assert model.encoder == encoder.canonical()
    assert model.decoder == Layout.parse(decoder).canonical()
    written = model.model_dump()
    assert written["encoder"] == str(encoder.canonical())
    assert written["decoder"] == str(Layout.parse(decoder).canonical())
    assert ModelConfig.model_validate_json(model.model_dump_json()) == model
    assert ModelConfig.model_validate(written) == model


def test_a_model_of_unknown_layouts_is_refused_with_their_places():
    with pytest.raises(ValidationError) as refused:
        ModelConfig.model_validate({"encoder": "nonsense", "decoder": "LG"})
    assert {fault["loc"]: fault["msg"] for fault in refused.value.errors()} == {
        ("encoder",): "Value error, layout 'nonsense': no preset has this name; use model0, "
        "model1, model2, model3, model4, model3-pairs, model4-pairs, or the notation, as R1LR1L",
        ("decoder",): "Value error, decoder layout 'LG': kind 'G' at depth 1 cannot attend to "
        "the encoder; use L, R, A, N or Q",
    }


def test_settings_are_found_by_their_dotted_names():
    trial = TrialConfig(data="d", budget=Budget(updates=3))
    assert trial.setting("train.lr") == trial.train.lr
    assert trial.setting("model.embedding_dim") is None
