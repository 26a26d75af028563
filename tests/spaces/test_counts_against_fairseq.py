"""The arithmetic against fairseq's own `transformer` and torch's own modules."""

from argparse import Namespace

import pytest
import torch
from fairseq.data import Dictionary
from fairseq.models.transformer import TransformerModel, base_architecture
from fairseq.modules.lightweight_convolution import LightweightConv1dTBC
from torch import nn

from spaces.counts import count_params
from spaces.dimensions import Dimensions
from spaces.kinds import CONV_KERNEL, LAYER_KINDS
from spaces.layout import Layout


def dictionary(n_rows: int) -> Dictionary:
    found = Dictionary()
    for number in range(n_rows - len(found)):
        found.add_symbol(f"w{number}")
    return found


def fairseq_transformer(n_encoder: int, n_decoder: int, dims: Dimensions) -> TransformerModel:
    args = Namespace(
        encoder_layers=n_encoder,
        decoder_layers=n_decoder,
        encoder_embed_dim=dims.d_model,
        encoder_ffn_embed_dim=dims.ffn,
        encoder_attention_heads=dims.heads,
        decoder_attention_heads=dims.heads,
        encoder_normalize_before=dims.norm == "pre",
        decoder_normalize_before=dims.norm == "pre",
        share_decoder_input_output_embed=dims.tied == "decoder",
        share_all_embeddings=dims.tied == "all",
    )
    base_architecture(args)
    src = dictionary(dims.src_rows)
    tgt = src if dims.tied == "all" else dictionary(dims.tgt_rows)
    return TransformerModel.build_model(
        args, Namespace(source_dictionary=src, target_dictionary=tgt)
    )


def n_values(*modules: nn.Module) -> int:
    return sum(tensor.numel() for module in modules for tensor in module.parameters())


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("tied", ["none", "decoder", "all"])
def test_learned_stacks_have_fairseqs_parameters(norm, tied):
    dims = Dimensions(
        d_model=8,
        ffn=12,
        heads=2,
        src_rows=20,
        tgt_rows=20 if tied == "all" else 30,
        norm=norm,
        tied=tied,
    )
    model = fairseq_transformer(3, 2, dims)
    counts = count_params(Layout.parse("LLL"), Layout.parse("LL"), dims)
    embeddings = model.encoder.embed_tokens

    assert counts.total == counts.learned == n_values(model)
    assert counts.encoder == n_values(model.encoder) - n_values(embeddings)


def test_model0_is_fairseqs_to_the_parameter():
    dims = Dimensions(
        d_model=512, ffn=1024, heads=4, src_rows=8848, tgt_rows=6632, norm="post", tied="decoder"
    )
    with torch.device("meta"):  # shapes alone: no memory, no time
        model = fairseq_transformer(8, 2, dims)
    counts = count_params(Layout.parse("(L)*8"), Layout.parse("LL"), dims)
    assert counts.total == n_values(model) == 31_056_896


def test_reservoir_kinds_have_the_parameters_of_their_modules():
    dims = Dimensions(
        d_model=8, ffn=12, heads=2, src_rows=20, tgt_rows=20, norm="pre", tied="decoder"
    )
    norm = nn.LayerNorm(8)
    convolution = LightweightConv1dTBC(8, kernel_size=CONV_KERNEL, num_heads=2)
    modules = {
        "F": [norm, nn.Linear(8, 12), nn.Linear(12, 8)],
        "G": [norm, nn.GRU(8, 4, bidirectional=True)],
        "C": [norm, nn.Linear(8, 16), convolution, nn.Linear(8, 8)],
    }
    for kind, parts in modules.items():
        assert sum(LAYER_KINDS[kind].params(dims).values()) == n_values(*parts)
