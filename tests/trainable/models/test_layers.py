"""The reservoirs of kinds F, G and C against plain references."""

import pytest
import torch
from torch.nn.functional import layer_norm, linear

from spaces.kinds import reservoir_letters


@pytest.mark.parametrize("kind", "FGC")
def test_pre_norm_normalises_before_and_post_norm_after_the_residual(build, kind):
    x = torch.randn(5, 2, 16)
    pre = build(kind, norm="pre").encoder.layers[0]
    post = build(kind, norm="post").encoder.layers[0]

    normed = layer_norm(x, (16,))
    torch.testing.assert_close(pre(x, None), x + pre.transform(normed, None))
    torch.testing.assert_close(post(x, None), layer_norm(x + post.transform(x, None), (16,)))


def test_a_feed_forward_reservoir_is_two_maps_with_a_relu_between(build):
    layer = build("F").encoder.layers[0]
    x = torch.randn(5, 2, 16)
    hidden = linear(x, layer.fc1.weight).clamp(min=0)
    assert hidden.shape == (5, 2, 24)
    torch.testing.assert_close(layer.transform(x, None), linear(hidden, layer.fc2.weight))


@pytest.mark.parametrize("n_tokens", [3, 9])  # fewer and more than the kernel's 7
def test_a_convolution_reservoir_weighs_seven_neighbours_by_head(build, n_tokens):
    layer = build("C").encoder.layers[0]
    x = torch.randn(n_tokens, 1, 16)
    values, gate = linear(x, layer.linear_in.weight).chunk(2, dim=-1)
    gated = values * gate.sigmoid()
    mixed = torch.zeros_like(gated)
    for position in range(n_tokens):
        for offset in range(-3, 4):
            if 0 <= position + offset < n_tokens:
                head_weights = layer.convolution.weight[:, 0, offset + 3]  # 2 heads
                by_channel = head_weights.repeat_interleave(16 // 2)
                mixed[position] += by_channel * gated[position + offset]
    expected = linear(mixed, layer.linear_out.weight)
    torch.testing.assert_close(layer.transform(x, None), expected, rtol=1e-4, atol=1e-6)


def test_a_bigru_reservoir_is_pytorchs_gru_with_the_drawn_weights(build):
    layer = build("G").encoder.layers[0]
    reference = torch.nn.GRU(16, 8, bidirectional=True)
    reference.load_state_dict(dict(layer.gru.named_buffers()))
    x = torch.randn(5, 2, 16)
    torch.testing.assert_close(layer.transform(x, None), reference(x)[0])


@pytest.mark.parametrize("kind", reservoir_letters())
def test_a_reservoir_follows_its_model_to_another_dtype(build, kind):
    layer = build(kind).double().encoder.layers[0]
    x = torch.randn(5, 2, 16, dtype=torch.double)
    assert layer(x, None).dtype == torch.double


@pytest.mark.parametrize("kind", reservoir_letters())
def test_a_reservoir_runs_under_bf16_autocast_and_passes_gradients(build, batch, loss, kind):
    model = build(f"L{kind}L")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(model, batch)
    value.backward()
    assert torch.isfinite(value)
    assert model.encoder.layers[0].fc1.weight.grad.abs().max() > 0
