"""With learned layers alone, none shared, the model is fairseq's own `transformer`."""

from argparse import Namespace

import pytest
import torch
from fairseq.criterions.label_smoothed_cross_entropy import label_smoothed_nll_loss
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


def smoothed_loss(model, batch):
    inputs = {name: value for name, value in batch.items() if name != "target"}
    log_probs = model.get_normalized_probs(model(**inputs), log_probs=True)
    loss, _ = label_smoothed_nll_loss(
        log_probs.flatten(0, 1), batch["target"].flatten(), epsilon=0.1, ignore_index=1
    )
    return loss


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("tied", ["none", "decoder", "all"])
def test_learned_layers_alone_are_fairseqs_transformer_to_the_last_bit(build, batch, tied, norm):
    ours = build("LLL", "LL", seed=5, tied=tied, norm=norm, dropout=0.1)
    theirs = fairseq_transformer(ours, seed=5, tied=tied, norm=norm, dropout=0.1)
    assert list(ours.state_dict()) == list(theirs.state_dict())

    losses = []
    for model in (ours, theirs):
        torch.manual_seed(11)  # of the dropout
        losses.append(smoothed_loss(model, batch))
        losses[-1].backward()

    assert torch.equal(losses[0], losses[1])
    gradients = {name: p.grad for name, p in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        assert torch.equal(parameter.grad, gradients.pop(name)), name
    assert not gradients
