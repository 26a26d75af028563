"""Performer's and Linformer's attention against softmax's."""

import numpy as np
import pytest
import torch

from trainable.layers.attention import Attention, padding_mask
from trainable.layers.linformer import LinformerAttention
from trainable.layers.performer import PerformerAttention
from trainable.reservoirs.random_features import draw_features

D, HEADS, LENGTH = 16, 2, 7


def same_weights(attention: Attention) -> Attention:
    """Softmax attention with the projections of ``attention``."""
    plain = Attention(D, HEADS, dropout=0.0, self_attention=True)
    plain.load_state_dict(attention.state_dict(), strict=False)
    return plain


def an_input(n_tokens: int = LENGTH) -> torch.Tensor:
    return torch.randn(n_tokens, 3, D, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("shared", [False, True])
def test_linformer_with_identity_projections_is_softmax(shared):
    linformer = LinformerAttention(
        D,
        HEADS,
        length=LENGTH,
        n_positions=LENGTH,
        shared=shared,
        dropout=0.0,
        self_attention=True,
    )
    with torch.no_grad():
        for matrix in linformer.length_projection.parameters():
            torch.nn.init.eye_(matrix)
    x = an_input()
    expected = same_weights(linformer).attend(x, x, None)
    torch.testing.assert_close(linformer.attend(x, x, None), expected)


def test_linformer_is_the_product_that_the_paper_writes():
    linformer = LinformerAttention(
        D, HEADS, length=3, n_positions=9, shared=False, dropout=0.0, self_attention=True
    )
    x = an_input()
    q, k, v = (p(x) for p in (linformer.q_proj, linformer.k_proj, linformer.v_proj))
    keys, values = (m[:LENGTH].T for m in linformer.length_projection.parameters())
    heads = []
    for head in torch.arange(D).chunk(HEADS):
        for_batch = []
        for b in range(3):
            scores = q[:, b, head] @ (keys @ k[:, b, head]).T / len(head) ** 0.5
            for_batch.append(torch.softmax(scores, dim=-1) @ (values @ v[:, b, head]))
        heads.append(torch.stack(for_batch, dim=1))
    expected = linformer.out_proj(torch.cat(heads, dim=-1))
    torch.testing.assert_close(linformer.attend(x, x, None), expected)


def performer_error(n_features: int) -> float:
    """Root of the mean squared difference from softmax over many draws of the features."""
    torch.manual_seed(2)
    performer = PerformerAttention(
        D, HEADS, n_features=n_features, dropout=0.0, self_attention=True
    )
    x = 0.5 * an_input()  # larger ones need more features before the rule holds
    expected = same_weights(performer).attend(x, x, None)
    squares = []
    with torch.no_grad():
        for draw in range(40):
            key = f"{n_features}/{draw}"
            performer.features.copy_(draw_features(n_features, D // HEADS, key=key))
            squares.append(float((performer.attend(x, x, None) - expected).square().mean()))
    return float(np.mean(squares) ** 0.5)


def test_a_performers_error_falls_with_the_root_of_its_features():
    numbers = [64, 256, 1024]
    errors = [performer_error(n) for n in numbers]
    slope = np.polyfit(np.log(numbers), np.log(errors), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.06)


def test_random_features_are_orthogonal_by_blocks_and_as_long_as_normal_vectors():
    drawn = draw_features(4096, 8, key="a").double()
    block = drawn[8:16]
    products = block @ block.T
    torch.testing.assert_close(products, torch.diag(products.diagonal()), atol=1e-6, rtol=0)
    squares = drawn.square().sum(dim=1)  # chi-squared of 8 degrees of freedom
    assert float(squares.mean()) == pytest.approx(8, rel=0.05)
    assert float(squares.var()) == pytest.approx(16, rel=0.1)


def test_random_features_are_those_of_the_seed_and_the_weight_set(build):
    layers = build("LLP", attention="performer").encoder.layers
    again = build("L1L1PL", attention="performer").encoder.layers
    other = build("L", attention="performer", seed=2).encoder.layers
    first = layers[0].self_attn.features
    assert first.abs().min() > 0
    assert torch.equal(first, again[0].self_attn.features)
    assert again[0].self_attn is again[1].self_attn
    differing = build("L1+r2L1PL", attention="performer").encoder.layers
    assert differing[0].self_attn.features is differing[1].self_attn.features
    assert torch.equal(first, differing[0].self_attn.features)
    assert not torch.equal(first, layers[1].self_attn.features)
    assert not torch.equal(first, other[0].self_attn.features)


def test_a_performer_never_attends_to_what_is_masked():
    performer = PerformerAttention(D, HEADS, n_features=32, dropout=0.0, self_attention=True)
    performer.features.copy_(draw_features(32, D // HEADS, key="b"))
    x = an_input()
    padding = torch.zeros(3, LENGTH, dtype=torch.bool)
    padding[:, -2:] = True
    found = performer.attend(x, x, padding_mask(padding, x.dtype))
    torch.testing.assert_close(found[:-2], performer.attend(x[:-2], x[:-2], None))
    large = 30 * x  # whose exponents would overflow
    assert torch.isfinite(performer.attend(large, large, None)).all()


@pytest.mark.parametrize("sharing", ["none", "all"])
@pytest.mark.parametrize("attention", ["performer", "linformer"])
def test_other_attentions_learn(build, batch, loss, attention, sharing):
    model = build("LAPL", attention=attention, attention_sharing=sharing)
    loss(model, batch).backward()
    for name, parameter in model.encoder.named_parameters():
        if "k_proj.bias" not in name:
            assert parameter.grad.abs().max() > 0, name


def test_projections_are_shared_by_all_layers_that_learn_them(build):
    model = build("LNLR", attention="linformer", attention_sharing="all")
    first, second, third, frozen = (
        layer.self_attn.length_projection for layer in model.encoder.layers
    )
    assert first is second is third
    assert not list(frozen.parameters())
    assert [*dict(frozen.named_buffers())] == ["keys"]


@pytest.mark.parametrize("n_features", [8, 64])
def test_a_performers_exponents_are_float32_under_mixed_precision(n_features):
    """Rounded to bfloat16, an exponent of 20 is wrong by up to 6 %, and exp of it likewise."""
    torch.manual_seed(2)
    performer = PerformerAttention(
        D, HEADS, n_features=n_features, dropout=0.0, self_attention=True
    )
    performer.features.copy_(draw_features(n_features, D // HEADS, key="mixed"))
    x = torch.randn(2, HEADS, LENGTH, D // HEADS, dtype=torch.bfloat16)
    outside = performer._exponents(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = performer._exponents(x)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, outside, rtol=0.0, atol=0.0)
