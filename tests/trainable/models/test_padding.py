"""A sentence's logits do not depend on what it is batched with, nor on the padding's side."""

import pytest
import torch

PAD = 1
SENTENCE = torch.tensor([[5, 9, 14, 7, 2]])
PREVIOUS = torch.tensor([[2, 6, 8]])


def outputs(model, src_tokens, previous):
    lengths = src_tokens.ne(PAD).sum(dim=1)
    return model(src_tokens, lengths, previous)[0]


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("side", ["left", "right"])
# An L beneath, since padding is still zero at the bottom and would hide a fault there.
@pytest.mark.parametrize("encoder", ["LL", "LR", "LF", "LG", "LC", "R1GLCF1CR1G", "LAL1+r2NQL1+r2"])
def test_padding_changes_no_logit(build, encoder, side, norm):
    model = build(encoder, "L1L1", norm=norm).eval()
    padding = torch.full((1, 4), PAD)
    padded = torch.cat([padding, SENTENCE] if side == "left" else [SENTENCE, padding], dim=1)
    longer = torch.tensor([[4, 5, 6, 7, 8, 9, 10, 11, 2]])

    alone = outputs(model, SENTENCE, PREVIOUS)
    together = outputs(model, torch.cat([longer, padded]), PREVIOUS.repeat(2, 1))

    torch.testing.assert_close(together[1:], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("sharing", ["none", "all"])
@pytest.mark.parametrize("attention", ["performer", "linformer"])
def test_padding_changes_no_logit_with_another_attention(build, attention, sharing, side):
    model = build("LRQPL", "L", attention=attention, attention_sharing=sharing).eval()
    padding = torch.full((1, 4), PAD)
    padded = torch.cat([padding, SENTENCE] if side == "left" else [SENTENCE, padding], dim=1)
    longer = torch.tensor([[4, 5, 6, 7, 8, 9, 10, 11, 2]])
    alone = outputs(model, SENTENCE, PREVIOUS)
    together = outputs(model, torch.cat([longer, padded]), PREVIOUS.repeat(2, 1))
    torch.testing.assert_close(together[1:], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("encoder", ["G", "C"])
def test_a_reservoir_across_positions_sees_both_neighbours(build, encoder):
    layer = build(encoder).encoder.layers[0].eval()
    x_TBD = torch.randn(5, 1, 16)
    changed = x_TBD.clone()
    changed[2] += torch.randn(1, 16)
    moved_T = (layer(changed, None) - layer(x_TBD, None)).abs().amax(dim=(1, 2))
    assert (moved_T > 1e-6).all()
