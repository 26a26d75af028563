"""A model's settings in fairseq's terms."""

import dataclasses

import pytest

from spaces.errors import UserError
from tests.trainable.models.conftest import SMALL, SRC_ROWS, TGT_ROWS, make_dictionary
from trainable.config import ModelConfig
from trainable.fairseq_checkpoint import fairseq_config
from trainable.models.build import Dictionaries
from trainable.models.options import command_line, fairseq_options, option_values
from trainable.models.reservoir_transformer import ReservoirTransformer

DATA = ["data", "--source-lang", "de", "--target-lang", "en"]


@pytest.mark.parametrize(
    "config",
    [
        ModelConfig(),
        ModelConfig(
            encoder="(R1L1)*2",
            decoder="L1R1L1",
            norm="post",
            tied="all",
            dropout=0.25,
            attention_dropout=0.125,
            reservoir_gain=1e-05,
            embedding_dim=32,
            reservoir_draw="sparse",
            reservoir_density=0.25,
            reservoir_backward="around",
            reservoir_dropout="on",
        ),
        ModelConfig(encoder="L1+r2AL1+r2", reservoir_draw="fairseq"),
        ModelConfig(attention="performer", attention_features=7),
        ModelConfig(attention="linformer", attention_length=9, attention_sharing="all"),
        ModelConfig(encoder="model3-pairs", tied="none", d_model=24, ffn=40, heads=3),
    ],
)
def test_fairseq_reads_back_the_options_that_a_command_line_was_made_of(config):
    options = fairseq_options(config, seed=17)
    read = fairseq_config([*DATA, *command_line(options)])["model"]
    assert read.pop("_name") == "reservoir_transformer"
    assert read == option_values(options)


def test_the_decoders_dimensions_follow_the_encoders_where_not_given():
    arguments = ["--arch", "reservoir_transformer", "--encoder-embed-dim", "96"]
    model = fairseq_config([*DATA, *arguments, "--encoder-ffn-embed-dim", "48"])["model"]
    assert (model["decoder_embed_dim"], model["decoder_ffn_embed_dim"]) == (96, 48)


def built_by_fairseq(**layouts: str) -> ReservoirTransformer:
    """A model of layouts in fairseq's options, which are text."""
    options = dataclasses.replace(fairseq_options(ModelConfig(**SMALL), seed=1), **layouts)
    dictionaries = Dictionaries(make_dictionary(SRC_ROWS), make_dictionary(TGT_ROWS))
    return ReservoirTransformer.build_model(options, dictionaries)


@pytest.mark.parametrize(
    ("layouts", "rule"),
    [
        ({"decoder_layout": "LF"}, "kind 'F' at depth 1"),
        ({"encoder_layout": "LXL"}, "unknown layer kind 'X' at depth 1"),
    ],
)
def test_a_layout_that_cannot_be_built_is_the_users_mistake(layouts, rule):
    with pytest.raises(UserError, match=rule):
        built_by_fairseq(**layouts)


def test_an_encoder_layout_may_be_a_presets_name(build):
    for model in (build("model3"), built_by_fairseq(encoder_layout="model3")):
        layers = model.encoder.layers
        assert len(layers) == 8
        assert layers[0] is layers[6]


def test_one_embedding_for_two_dictionaries_is_the_users_mistake():
    from fairseq.data import Dictionary

    from trainable.models.build import build_model

    other = Dictionary()
    other.add_symbol("word")
    with pytest.raises(UserError, match=r"model\.tied: 'all' needs one dictionary"):
        build_model(ModelConfig(tied="all"), src_dict=Dictionary(), tgt_dict=other, seed=1)
