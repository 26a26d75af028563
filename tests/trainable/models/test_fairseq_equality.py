"""With learned layers alone, none shared, the model is fairseq's own `transformer`."""

from argparse import Namespace

import pytest
import torch
from fairseq.models.transformer import TransformerModel

from trainable.models.build import Dictionaries


def fairseq_transformer(model, *, seed, tied, norm, dropout):
    torch.manual_seed(seed)
    args = Namespace(
        encoder_layers=3,
        decoder_layers=2,
        encoder_embed_dim=16,
        encoder_ffn_embed_dim=24,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_normalize_before=norm == "pre",
        decoder_normalize_before=norm == "pre",
        dropout=dropout,
        share_decoder_input_output_embed=tied != "none",
        share_all_embeddings=tied == "all",
    )
    dictionaries = Dictionaries(model.encoder.dictionary, model.decoder.dictionary)
    return TransformerModel.build_model(args, dictionaries)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("tied", ["none", "decoder", "all"])
def test_learned_layers_alone_start_as_fairseqs_transformer_to_the_last_bit(build, tied, norm):
    ours = build("LLL", "LL", seed=5, tied=tied, norm=norm)
    theirs = fairseq_transformer(ours, seed=5, tied=tied, norm=norm, dropout=0.0).state_dict()
    assert list(ours.state_dict()) == list(theirs)
    for name, tensor in ours.state_dict().items():
        assert torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("tied", ["none", "decoder", "all"])
def test_learned_layers_alone_are_fairseqs_transformer(build, batch, loss, tied, norm):
    ours = build("LLL", "LL", seed=5, tied=tied, norm=norm).double()
    theirs = fairseq_transformer(ours, seed=5, tied=tied, norm=norm, dropout=0.0).double()

    losses = [loss(model, batch) for model in (ours, theirs)]
    for value in losses:
        value.backward()

    # Whatever the type, fairseq's softmax over the encoder's output is in float32.
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-7, atol=0.0)
    gradients = {name: p.grad for name, p in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients.pop(name), rtol=1e-5, atol=1e-7)
    assert not gradients
