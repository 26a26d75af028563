"""Depths with one weight set are one object; spellings of one layout are one model."""

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
    [("R7LR7L", "R1LR1L"), ("(R2L)*2", "R1LR1L"), ("L5R3F9", "LRF"), ("R2R1R2", "R1RR1")],
)
def test_two_spellings_of_one_layout_are_one_model(build, batch, logits, one, other):
    left, right = build(one, "L3L3").eval(), build(other, "L1L1").eval()
    assert torch.equal(logits(left, batch), logits(right, batch))
    for depths in zip(left.encoder.layers, right.encoder.layers, strict=True):
        tensors = [{**dict(d.named_parameters()), **dict(d.named_buffers())} for d in depths]
        assert tensors[0].keys() == tensors[1].keys()
        assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])
