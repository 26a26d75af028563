"""Low-rank differences: plain sharing at the start, later a dense layer at each depth."""

import re
from collections.abc import Iterator

import pytest
import torch

LAYOUTS = [("L1+r2L1+r2", "L1L1+r2"), ("RLa1+r2Lf1La1+r3Lf1+r2", "Lw1+r2Lw1+r2")]


def tensors(model) -> dict[str, torch.Tensor]:
    return {
        **dict(model.named_buffers(remove_duplicate=False)),
        **dict(model.named_parameters(remove_duplicate=False)),
    }


@pytest.mark.parametrize("layouts", LAYOUTS)
def test_differences_start_at_zero(build, batch, logits, layouts):
    model = build(*layouts)
    plain = build(*(re.sub(r"\+r[0-9]+", "", text) for text in layouts))
    assert torch.equal(logits(model, batch), logits(plain, batch))


def layers_of(*models) -> Iterator[tuple[torch.nn.Module, ...]]:
    for stack in ("encoder", "decoder"):
        yield from zip(*(getattr(model, stack).layers for model in models), strict=True)


def dense(layer: torch.nn.Module, name: str) -> torch.Tensor:
    """The tensor that stands in a layer with its own weights in the place of ``name``."""
    path, _, leaf = name.rpartition(".")
    module = layer.get_submodule(path)
    if not hasattr(module, "up"):
        return getattr(module, leaf)
    shared = getattr(module.shared, leaf)
    return shared + module.up @ module.down if leaf == "weight" else shared


def add_gradient(
    sums: dict[torch.Tensor, torch.Tensor], layer: torch.nn.Module, name: str, grad: torch.Tensor
) -> None:
    """Add the gradient of a dense layer's tensor to those of what it is made of: chain rule."""
    path, _, leaf = name.rpartition(".")
    module = layer.get_submodule(path)
    if not hasattr(module, "up"):
        sums[getattr(module, leaf)] += grad
        return
    sums[getattr(module.shared, leaf)] += grad
    if leaf == "weight":
        sums[module.up] += grad @ module.down.T
        sums[module.down] += module.up.T @ grad


@pytest.mark.parametrize("layouts", LAYOUTS)
def test_outputs_and_gradients_are_those_of_dense_layers(build, batch, logits, loss, layouts):
    """A model with nothing shared, whose weights are the sums of shared map and difference."""
    model = build(*layouts)
    apart = build(*(re.sub(r"[a-z]?[0-9](\+r[0-9]+)?", "", text) for text in layouts))
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".up"):
                parameter.normal_(std=0.3, generator=generator)
        for layer, own in layers_of(model, apart):
            for name, tensor in tensors(own).items():
                tensor.copy_(dense(layer, name))
    torch.testing.assert_close(logits(model, batch), logits(apart, batch))

    for one in (model, apart):
        loss(one, batch).backward()
    sums = {parameter: torch.zeros_like(parameter) for parameter in model.parameters()}
    for layer, own in layers_of(model, apart):
        for name, parameter in own.named_parameters():
            add_gradient(sums, layer, name, parameter.grad)
    for name, parameter in model.named_parameters():
        if ".layers." in name:
            torch.testing.assert_close(parameter.grad, sums[parameter], msg=name)


def test_each_use_has_a_difference_of_its_own_around_the_shared_map(build):
    first, second = build("L1+r2L1+r3").encoder.layers
    assert first.self_attn.q_proj.shared is second.self_attn.q_proj.shared
    assert first.fc2.shared is second.fc2.shared
    assert first.final_layer_norm is second.final_layer_norm
    assert first.fc1.down.shape == (2, 16)
    assert second.fc1.down.shape == (3, 16)
    assert not torch.equal(first.fc1.down, second.fc1.down[:2])
    assert torch.equal(first.fc1.weight, first.fc1.shared.weight)


def test_an_optimizer_gets_each_difference_and_the_shared_weights_once(build):
    model, single = build("L1+r2L1+r2L1"), build("L")
    layers = model.encoder.layers
    n_shared = len(list(single.encoder.layers.parameters()))
    assert len(list(layers.parameters())) == n_shared + 2 * 6 * 2  # two uses, six maps, up and down
