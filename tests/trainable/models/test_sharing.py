"""Depths with one weight set are one object; spellings of one layout are one model."""

import re

import pytest
import torch


def test_shared_layers_are_one_object(build):
    model = build("R1L1R1L1F1F1L", "L1R1L1R1L")
    encoder, decoder = model.encoder.layers, model.decoder.layers
    assert encoder[0] is encoder[2]
    assert encoder[1] is encoder[3]
    assert encoder[4] is encoder[5]
    assert decoder[0] is decoder[2]
    assert decoder[1] is decoder[3]
    assert len(set(encoder)) == 4  # R1, L1, F1 and the last L
    assert len(set(decoder)) == 3
    assert (model.encoder.num_layers, model.decoder.num_layers) == (7, 5)


def test_an_optimizer_gets_a_shared_layer_once(build):
    shared, single = build("L1L1L1", "L1L1"), build("L", "L")
    assert [p.shape for p in shared.parameters()] == [p.shape for p in single.parameters()]


def test_equal_numbers_of_two_kinds_are_two_weight_sets(build):
    layers = build("L1R1L1R1").encoder.layers
    assert layers[0] is not layers[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("R7LR7L", "R1LR1L"), ("(R2L)*2", "R1LR1L"), ("L5R3F9", "LRF"), ("R2R1R2", "R1RR1")),
        *(("La4La4Lf2Lf2", "La1La1Lf1Lf1"), ("Ra2LRa2", "Ra1LRa1"), ("La1Lf1", "LL")),
    ],
)
def test_two_spellings_of_one_layout_are_one_model(build, batch, logits, one, other):
    left, right = build(one, "L3L3").eval(), build(other, "L1L1").eval()
    assert torch.equal(logits(left, batch), logits(right, batch))
    for depths in zip(left.encoder.layers, right.encoder.layers, strict=True):
        tensors = [{**dict(d.named_parameters()), **dict(d.named_buffers())} for d in depths]
        assert tensors[0].keys() == tensors[1].keys()
        assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])


def test_a_shared_part_is_one_object_and_the_rest_is_not(build):
    model = build("La1Lf1La1Lf1Lw1Lw1Ra1Ra1", "La1La1")
    layers, decoder = model.encoder.layers, model.decoder.layers
    assert layers[0].self_attn is layers[2].self_attn
    assert layers[1].fc1 is layers[3].fc1
    assert layers[1].fc2 is layers[3].fc2
    assert layers[4].self_attn is layers[5].self_attn
    assert layers[4].fc2 is layers[5].fc2
    assert layers[6].self_attn is layers[7].self_attn
    assert decoder[0].self_attn is decoder[1].self_attn
    assert decoder[0].encoder_attn is decoder[1].encoder_attn
    own = [
        *(layer.fc1 for layer in (layers[0], layers[2], layers[6], layers[7], *decoder)),
        *(layer.self_attn for layer in (layers[1], layers[3])),
        *(layer.final_layer_norm for layer in (*layers, *decoder)),
        *(layer.self_attn_layer_norm for layer in (*layers, *decoder)),
    ]
    assert len(set(own)) == len(own)


def tensors(model, **options) -> dict[str, torch.Tensor]:
    return {**dict(model.named_buffers(**options)), **dict(model.named_parameters(**options))}


@pytest.mark.parametrize("layout", ["La1La1La1", "Lf1RLf1", "Lw1Lw1L1L1", "Ra1LRa1L", "Rf1LRf1"])
def test_a_shared_part_learns_from_all_of_its_depths(build, batch, loss, layout):
    """The gradients of a model with nothing shared, at the same weights, added up."""
    shared, apart = build(layout, "La1La1"), build(re.sub("[a-z]?[0-9]", "", layout), "LL")
    by_name = tensors(shared, remove_duplicate=False)
    with torch.no_grad():
        for name, tensor in tensors(apart).items():
            tensor.copy_(by_name[name])
    for model in (shared, apart):
        loss(model, batch).backward()
    gradients = {name: parameter.grad for name, parameter in apart.named_parameters()}
    for parameter in shared.parameters():
        names = [name for name in gradients if by_name[name] is parameter]
        torch.testing.assert_close(parameter.grad, sum(gradients[name] for name in names))
