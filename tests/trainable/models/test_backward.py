"""Backskipping: while training, gradients go around the encoder's reservoirs."""

import pytest
import torch

from spaces.kinds import LAYER_KINDS

FROZEN = [letter for letter, kind in LAYER_KINDS.items() if kind.is_frozen]


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("kind", FROZEN)
def test_a_gradient_comes_out_below_a_reservoir_as_it_went_in(build, kind, norm):
    layer = build(kind, norm=norm, reservoir_backward="around").train().encoder.layers[0]
    x = torch.randn(5, 2, 16, requires_grad=True)
    weights = torch.randn(5, 2, 16)
    out = layer(x, encoder_padding_mask=None)
    (out * weights).sum().backward()
    assert torch.equal(x.grad, weights)
    through = build(kind, norm=norm).train().encoder.layers[0]
    assert torch.equal(out, through(x, encoder_padding_mask=None))


def test_learned_layers_and_embeddings_below_reservoirs_still_learn(build, batch, loss):
    model = build("LRFGCL", reservoir_backward="around").train()
    loss(model, batch).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
    assert model.encoder.layers[0].fc1.weight.grad.abs().max() > 0


def test_gradients_go_through_a_layer_of_which_a_part_learns(build, batch, loss):
    around, through = build("LANQL", reservoir_backward="around"), build("LANQL")
    for model in (around.train(), through.train()):
        loss(model, batch).backward()
    for one, other in zip(around.parameters(), through.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


def test_only_the_gradients_of_what_lies_below_a_reservoir_change(build, batch, loss):
    around, through = build("LRL", reservoir_backward="around"), build("LRL")
    losses = [loss(model, batch) for model in (around.train(), through.train())]
    assert torch.equal(*losses)
    for value in losses:
        value.backward()
    below, above = ("encoder.layers.0.", "encoder.embed"), ("encoder.layers.2.", "decoder.")
    gradients = {name: p.grad for name, p in through.named_parameters()}
    for name, parameter in around.named_parameters():
        if name.startswith(above):
            assert torch.equal(parameter.grad, gradients[name]), name
        elif name.startswith(below) and "k_proj.bias" not in name:  # which has no gradient
            assert not torch.equal(parameter.grad, gradients[name]), name


@pytest.mark.parametrize("kind", "RFC")
def test_out_of_training_the_derivative_is_that_of_the_map(build, kind):
    around = build(kind, reservoir_backward="around").double().eval().encoder.layers[0]
    through = build(kind).double().eval().encoder.layers[0]
    x, direction = torch.randn(2, 4, 1, 16, dtype=torch.float64)
    found = [
        torch.func.jvp(lambda x, m=layer: m(x, encoder_padding_mask=None), (x,), (direction,))[1]
        for layer in (around, through)
    ]
    assert torch.equal(*found)
    assert not torch.allclose(found[0], direction)
