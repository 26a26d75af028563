"""The way through attention that a GPU takes, taken on the CPU."""

import pytest
import torch

from trainable.models.attention import Attention

LAYOUTS = ("LRL", "L1L1", "LFCG")


def of_an_update(model, batch, loss, *, bf16: bool = False):
    """The loss, and the gradients by name."""
    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        value = loss(model, batch)
    value.backward()
    return value, {name: p.grad for name, p in model.named_parameters() if p.requires_grad}


@pytest.fixture
def fused(monkeypatch):
    """From the call on, attention goes the GPU's way."""

    def switch() -> None:
        monkeypatch.setattr(Attention, "_batched", Attention._fused)

    return switch


@pytest.mark.parametrize("encoder", LAYOUTS)
def test_the_fused_kernel_gives_the_same_loss_and_gradients(build, batch, loss, fused, encoder):
    model = build(encoder, "LL").double()
    value, gradients = of_an_update(model, batch, loss)
    fused()
    fused_value, fused_gradients = of_an_update(model, batch, loss)
    torch.testing.assert_close(fused_value, value, rtol=1e-9, atol=0.0)
    for name, gradient in gradients.items():
        torch.testing.assert_close(fused_gradients[name], gradient, rtol=1e-7, atol=1e-9)


def test_in_bf16_the_fused_kernel_is_as_near_to_fp32_as_products_are(build, batch, loss, fused):
    model = build("LRL", "LL")
    exact, _ = of_an_update(model, batch, loss)
    in_products, _ = of_an_update(model, batch, loss, bf16=True)
    fused()
    in_the_kernel, _ = of_an_update(model, batch, loss, bf16=True)
    assert in_products.item() != exact.item()
    torch.testing.assert_close(in_the_kernel.float(), exact, rtol=1e-2, atol=0.0)
    torch.testing.assert_close(in_products.float(), exact, rtol=1e-2, atol=0.0)
