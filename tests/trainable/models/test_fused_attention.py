"""The way through attention that a GPU takes, taken on the CPU."""

import pytest
import torch

from trainable.layers.attention import Attention


def of_an_update(model, batch, loss, *, bf16: bool = False):
    """The loss and all gradients, in a row."""
    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        value = loss(model, batch)
    value.backward()
    gradients = [p.grad.flatten() for p in model.parameters() if p.requires_grad]
    return value.detach(), torch.cat(gradients)


@pytest.fixture
def fused(monkeypatch):
    """From the call on, attention goes the GPU's way."""

    def switch() -> None:
        monkeypatch.setattr(Attention, "_batched", Attention._fused)

    return switch


@pytest.mark.parametrize("encoder", ["LRL", "L1L1", "LFCG"])
def test_the_fused_kernel_gives_the_same_loss_and_gradients(build, batch, loss, fused, encoder):
    model = build(encoder, "LL").double()
    value, gradients = of_an_update(model, batch, loss)
    fused()
    fused_value, fused_gradients = of_an_update(model, batch, loss)
    torch.testing.assert_close(fused_value, value, rtol=1e-9, atol=0.0)
    torch.testing.assert_close(fused_gradients, gradients, rtol=1e-7, atol=1e-9)


def test_in_bf16_the_fused_kernel_is_as_near_to_fp32_as_products_are(build, batch, loss, fused):
    model = build("LRL", "LL")
    _, exact = of_an_update(model, batch, loss)
    _, in_products = of_an_update(model, batch, loss, bf16=True)
    fused()
    _, in_the_kernel = of_an_update(model, batch, loss, bf16=True)
    errors = [(gradients - exact).norm() for gradients in (in_products, in_the_kernel)]
    assert 0 < errors[0] < 0.05 * exact.norm()
    assert errors[1] < 1.5 * errors[0]
