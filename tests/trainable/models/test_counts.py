"""The model owns as many parameters as the arithmetic of `spaces` says."""

import pytest
import torch

from spaces.counts import count_params
from spaces.dimensions import Attention, Dimensions
from spaces.layout import Layout
from trainable.config import ModelConfig
from trainable.models.build import build_model

from .conftest import SRC_ROWS, TGT_ROWS, make_dictionary


def n_values(tensors) -> int:
    return sum(tensor.numel() for tensor in tensors)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("tied", ["none", "decoder", "all"])
@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        ("L", "L"),
        ("R1LR1L", "L1L1"),
        ("FGC", "R"),
        ("(F1G1C1R1)*2L2", "L1R1L1R1"),
        ("RRRR", "LL"),
        ("La1La1Lf1Lf1Ra1Ra1", "La1La1"),
        ("Lw1Rf1Lw1Rf1F1F1", "Lf1Lf1Ra1Ra1"),
        ("A1LA1Nf1Nf1Q1Q1Qa1Qa1", "AQN1N1"),
        ("L1+r2L1L1+r3La1+r2La1+r2", "L1+r2L1Lf1+r2Lf1"),
    ],
)
def test_the_model_has_the_counted_parameters(build, encoder, decoder, norm, tied):
    model = build(encoder, decoder, norm=norm, tied=tied)
    dims = Dimensions(
        d_model=16,
        ffn=24,
        heads=2,
        src_rows=SRC_ROWS,
        tgt_rows=SRC_ROWS if tied == "all" else TGT_ROWS,
        norm=norm,
        tied=tied,
    )
    counts = count_params(Layout.parse(encoder), Layout.parse(decoder), dims)

    n_learned = n_values(model.parameters())
    n_reservoir = n_values(model.reservoir_tensors().values())
    stack = [*model.encoder.layers.parameters(), *model.encoder.layers.buffers()]
    final_norm = [] if model.encoder.layer_norm is None else model.encoder.layer_norm.parameters()

    assert counts.learned == n_learned
    assert counts.stored == n_learned
    assert counts.total == n_learned + n_reservoir
    assert counts.encoder == n_values(stack) + n_values(final_norm)


@pytest.mark.parametrize("sharing", ["none", "all"])
@pytest.mark.parametrize("attention", ["performer", "linformer"])
@pytest.mark.parametrize(
    "encoder", ["LLR", "L1L1La1La1", "ANQPF", "L1+r2L1P1P1", "Ra1Ra1PL", "Pa1Pa1Pf1Pf1"]
)
def test_other_attentions_have_the_counted_parameters(build, encoder, attention, sharing):
    settings = {"attention": attention, "attention_features": 12, "attention_length": 5}
    model = build(encoder, "LR", attention_sharing=sharing, **settings)
    dims = Dimensions(
        d_model=16,
        ffn=24,
        heads=2,
        src_rows=SRC_ROWS,
        tgt_rows=TGT_ROWS,
        norm="pre",
        tied="decoder",
        attention=Attention(way=attention, n_features=12, length=5, sharing=sharing),
    )
    counts = count_params(Layout.parse(encoder), Layout.parse("LR"), dims)
    assert counts.learned == counts.stored == n_values(model.parameters())
    assert counts.total - counts.learned == n_values(model.reservoir_tensors().values())


@pytest.mark.parametrize("tied", ["none", "decoder", "all"])
def test_factorised_embeddings_have_the_counted_parameters(build, tied):
    model = build("L", "L", tied=tied, embedding_dim=6)
    tgt_rows = SRC_ROWS if tied == "all" else TGT_ROWS
    sizes = {"d_model": 16, "ffn": 24, "heads": 2, "src_rows": SRC_ROWS, "tgt_rows": tgt_rows}
    sizes |= {"norm": "pre", "tied": tied}
    dims = Dimensions(**sizes, embedding_dim=6)
    counts = count_params(Layout.parse("L"), Layout.parse("L"), dims)
    assert counts.total == n_values(model.parameters())
    rows = {"none": SRC_ROWS + 2 * tgt_rows, "decoder": SRC_ROWS + tgt_rows, "all": SRC_ROWS}
    plain = count_params(Layout.parse("L"), Layout.parse("L"), Dimensions(**sizes))
    # Each row 6 in the place of 16 values, and three matrices of 6 x 16.
    assert plain.total - counts.total == 10 * rows[tied] - 3 * 6 * 16


@pytest.mark.parametrize("tied", ["none", "decoder", "all"])
def test_factorised_embeddings_are_tied_as_whole_ones(build, tied):
    model = build("L", "L", tied=tied, embedding_dim=6)
    source, target = model.encoder.embed_tokens.table, model.decoder.embed_tokens
    assert (source is target) == (tied == "all")
    assert (model.decoder.output_projection.weight is target.weight) == (tied != "none")
    assert source.weight.shape == (SRC_ROWS, 6)


def test_embeddings_as_wide_as_the_model_are_not_factorised(build):
    same = build("L", "L", embedding_dim=16).state_dict()
    plain = build("L", "L").state_dict()
    assert same.keys() == plain.keys()
    assert all(torch.equal(same[name], plain[name]) for name in plain)


def test_gradients_reach_every_part_of_factorised_embeddings(build, batch, loss):
    model = build("LR", "L", embedding_dim=6)
    loss(model, batch).backward()
    for name, parameter in model.named_parameters():
        if "k_proj.bias" not in name:  # which moves nothing
            assert parameter.grad.abs().max() > 0, name


def test_the_papers_model_0_has_fairseqs_31056896_parameters():
    config = ModelConfig(encoder="L" * 8, decoder="LL", d_model=512, ffn=1024, norm="post")
    model = build_model(
        config, src_dict=make_dictionary(8848), tgt_dict=make_dictionary(6632), seed=1
    )
    # 8 x 2,102,784 + 2 x 3,154,432 + (8,848 + 6,632) x 512
    assert n_values(model.parameters()) == 31_056_896
    assert all(p.dtype == torch.float32 for p in model.parameters())
