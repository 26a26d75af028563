"""Reservoirs: drawn from (seed, weight set) alone, frozen, and stored nowhere."""

import hashlib
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch

from spaces.kinds import reservoir_letters
from tests.trainable.models.conftest import SMALL
from trainable.config import ModelConfig
from trainable.models.options import fairseq_options, transformer_config
from trainable.private.fairseq import TransformerDecoderLayerBase, TransformerEncoderLayerBase
from trainable.reservoirs.builders import reservoir_builder
from trainable.reservoirs.draw import draw_uniform, xavier_bound
from trainable.reservoirs.orthogonal import draw_orthogonal

ALL_KINDS = "".join(f"{kind}L" for kind in reservoir_letters())


def snapshot(model):
    return {name: tensor.clone() for name, tensor in model.reservoir_tensors().items()}


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[n], right[n]) for n in left)


def digest(model):
    sha = hashlib.sha256()
    for name, tensor in model.reservoir_tensors().items():
        sha.update(name.encode() + tensor.numpy().tobytes())
    return sha.hexdigest()


def test_reservoirs_are_bit_identical_after_updates(build, batch, loss):
    model = build(ALL_KINDS, "RL")
    before = snapshot(model)
    learned = [p.clone() for p in model.parameters()]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        loss(model, batch).backward()
        optimizer.step()

    assert same(snapshot(model), before)
    assert not any(torch.equal(p, q) for p, q in zip(model.parameters(), learned, strict=True))


def test_reservoirs_are_in_no_parameter_list_and_no_state_dict(build):
    model = build(ALL_KINDS, "RL")
    names = set(model.reservoir_tensors())

    assert "encoder.layers.0.self_attn.q_proj.weight" in names
    place = ALL_KINDS.index("G")
    assert f"encoder.layers.{place}.gru.weight_hh_l0_reverse" in names
    assert names.isdisjoint(dict(model.named_parameters()))
    assert names.isdisjoint(model.state_dict())
    assert names <= set(dict(model.named_buffers()))


def test_ddp_is_told_to_leave_the_reservoirs_alone(build):
    model = build(ALL_KINDS, "RL")
    assert set(model._ddp_params_and_buffers_to_ignore) == set(model.reservoir_tensors())


def test_a_state_dict_loads_strictly_and_restores_the_model(build, batch, logits):
    trained, fresh = build(ALL_KINDS, "RL", seed=3), build(ALL_KINDS, "RL", seed=3)
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.add_(0.1)
    fresh.load_state_dict(trained.state_dict(), strict=True)
    assert torch.equal(logits(trained.eval(), batch), logits(fresh.eval(), batch))


def test_two_builds_draw_the_same_and_another_seed_does_not(build):
    first = snapshot(build(ALL_KINDS, "RL", seed=4))
    assert same(first, snapshot(build(ALL_KINDS, "RL", seed=4)))
    drawn = {n: t for n, t in snapshot(build(ALL_KINDS, "RL", seed=5)).items() if t.ndim > 1}
    assert drawn
    assert not any(torch.equal(first[name], tensor) for name, tensor in drawn.items())


def test_another_process_with_another_thread_count_draws_the_same(build):
    program = f"""
import hashlib, torch
from fairseq.data import Dictionary
from trainable.config import ModelConfig
from trainable.models.build import build_model
torch.set_num_threads(2)
model = build_model(
    ModelConfig(encoder="{ALL_KINDS}", decoder="RL", d_model=16, ffn=24, heads=2),
    src_dict=Dictionary(), tgt_dict=Dictionary(), seed=6,
)
sha = hashlib.sha256()
for name, tensor in model.reservoir_tensors().items():
    sha.update(name.encode() + tensor.numpy().tobytes())
print(sha.hexdigest())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout.split()[-1] == digest(build(ALL_KINDS, "RL", seed=6))


def test_a_reservoir_depends_on_its_number_among_its_kind_and_on_nothing_else(build):
    alone = build("RR").encoder.layers
    between = build("LRFLGRC", "RL", seed=1, tied="none").encoder.layers
    for depth, other in ((0, 1), (1, 5)):
        left, right = dict(alone[depth].named_buffers()), dict(between[other].named_buffers())
        assert same(left, right)


def test_learned_layers_start_alike_whatever_reservoirs_lie_between(build):
    plain, mixed = build("LL", "L"), build("RLFGCL", "RL")
    pairs = [
        (plain.encoder.layers[0], mixed.encoder.layers[1]),
        (plain.encoder.layers[1], mixed.encoder.layers[5]),
        (plain.decoder.layers[0], mixed.decoder.layers[1]),
    ]
    for left, right in pairs:
        assert same(dict(left.named_parameters()), dict(right.named_parameters()))


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("kind", reservoir_letters())
def test_gradients_reach_what_lies_below_a_reservoir(build, batch, loss, kind, norm):
    model = build(f"L{kind}", norm=norm)
    loss(model, batch).backward()
    below = [*model.encoder.layers[0].parameters(), model.encoder.embed_tokens.weight]
    for parameter in below:
        assert parameter.grad is not None
    assert model.encoder.layers[0].fc1.weight.grad.abs().max() > 0
    assert model.encoder.embed_tokens.weight.grad.abs().max() > 0
    assert not any(tensor.requires_grad for tensor in model.reservoir_tensors().values())


DROPOUT = {"dropout": 0.5, "attention_dropout": 0.5, "activation_dropout": 0.5}


def test_there_is_no_dropout_inside_reservoirs(build):
    model = build("RFGC", **DROPOUT).train()
    x = torch.randn(5, 2, 16)
    for layer in model.encoder.layers:
        assert torch.equal(layer(x, None), layer(x, None))


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_there_is_dropout_inside_reservoirs_where_it_is_set_on(build, norm):
    model = build("RFGC", norm=norm, reservoir_dropout="on", **DROPOUT)
    plain = build("RFGC", norm=norm)
    x = torch.randn(5, 2, 16)
    for layer, without in zip(model.encoder.layers, plain.encoder.layers, strict=True):
        assert not torch.equal(layer.train()(x, None), layer(x, None))
        assert torch.equal(layer.eval()(x, None), without(x, None))


def test_a_feed_forward_reservoir_drops_its_hidden_values_too(build):
    layer = build("F", reservoir_dropout="on", activation_dropout=0.5).train().encoder.layers[0]
    x = torch.randn(5, 2, 16)
    assert not torch.equal(layer(x, None), layer(x, None))


def test_a_layer_of_which_a_part_learns_has_a_learned_layers_dropout(build):
    x = torch.randn(5, 2, 16)
    for layer in build("ANQ", dropout=0.5).train().encoder.layers:
        assert not torch.equal(layer(x, None), layer(x, None))


def test_the_gain_scales_the_matrices_and_nothing_else(build):
    plain = snapshot(build(ALL_KINDS, "RL"))
    doubled = snapshot(build(ALL_KINDS, "RL", reservoir_gain=2.0))
    for name, tensor in plain.items():
        factor = 2.0 if tensor.ndim > 1 and not name.endswith(".features") else 1.0
        assert torch.equal(doubled[name], factor * tensor), name
    assert all((t == 0).all() for n, t in plain.items() if "bias" in n)
    assert all((t == 1).all() for n, t in plain.items() if n.endswith("layer_norm.weight"))


def test_a_draw_is_the_float32_rounding_of_the_exact_product():
    key, bound = "1/encoder/R1/fc1.weight", 0.3
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest(), "big")
    bound_32 = Fraction(float(np.float32(bound)))
    drawn = draw_uniform((5, 7), bound=bound, key=key).flatten().tolist()
    for raw, value in zip(np.random.PCG64(seed).random_raw(35).tolist(), drawn, strict=True):
        exact = (2 * Fraction(raw >> 40, 2**24) - 1) * bound_32
        assert np.float32(float(exact)) == np.float32(value)


def test_a_draw_is_the_same_on_every_machine():
    drawn = draw_uniform((64, 64), bound=0.3, key="1/encoder/R1/fc1.weight")
    bits = drawn.numpy().astype("<f4").tobytes()
    # As numpy 2.4.6 on x86-64 drew it.
    golden = "2f41b7aedf41f2a5ef98365e091c40f365a466630ee7aaf9325503093cd2ed73"
    assert hashlib.sha256(bits).hexdigest() == golden


@pytest.mark.parametrize(
    ("kind", "name", "shape", "n_fans", "scale_squared"),
    [
        ("F", "fc1.weight", (24, 16), 24 + 16, 1.0),
        ("R", "self_attn.q_proj.weight", (16, 16), 16 + 16, 0.5),  # fairseq's gain of 1/sqrt(2)
        ("R", "self_attn.out_proj.weight", (16, 16), 16 + 16, 1.0),
        ("G", "gru.weight_ih_l0", (3 * 8, 16), 8 + 16, 1.0),  # each of three gates is 16 -> 8
        ("G", "gru.weight_hh_l0_reverse", (3 * 8, 8), 8 + 8, 1.0),
        ("C", "convolution.weight", (4, 1, 7), (4 + 1) * 7, 1.0),
    ],
)
def test_bounds_are_xaviers(kind, name, shape, n_fans, scale_squared):
    bound = xavier_bound(shape, reservoir_builder(kind).matrices(name))
    assert bound**2 == pytest.approx(scale_squared * 6 / n_fans)


def test_the_bounds_of_attention_and_convolution_are_those_fairseq_starts_from():
    from fairseq.modules import MultiheadAttention
    from fairseq.modules.lightweight_convolution import LightweightConv1dTBC

    attention = MultiheadAttention(64, 4, self_attention=True)
    convolution = LightweightConv1dTBC(64, kernel_size=7, padding_l=3, num_heads=32)
    for kind, module in (("R", attention), ("C", convolution)):
        matrices_of = reservoir_builder(kind).matrices
        for name, parameter in module.named_parameters():
            if parameter.ndim > 1:
                bound = xavier_bound(tuple(parameter.shape), matrices_of(name))
                assert 0.95 * bound < parameter.abs().max() <= bound * (1 + 1e-6)


WAYS = [
    {"reservoir_draw": "fairseq"},
    {"reservoir_draw": "orthogonal"},
    {"reservoir_draw": "sparse", "reservoir_density": 0.3},
]


def matrices(model):
    """Weights by name; a Performer's random features are no weights."""
    tensors = snapshot(model).items()
    return {name: t for name, t in tensors if t.ndim > 1 and not name.endswith(".features")}


def test_orthogonal_reservoirs_have_orthonormal_rows_or_columns_times_the_gain(build):
    drawn = matrices(build(ALL_KINDS, "RL", reservoir_draw="orthogonal", reservoir_gain=3.0))
    for name, tensor in drawn.items():
        gates = tensor.chunk(3) if ".weight_ih_" in name or ".weight_hh_" in name else [tensor]
        for gate in gates:
            wide = gate.flatten(1).double()
            wide = wide if wide.shape[0] <= wide.shape[1] else wide.T
            torch.testing.assert_close(
                wide @ wide.T / 9, torch.eye(len(wide)).double(), atol=1e-6, rtol=0
            )


def test_orthogonal_draws_are_even_over_all_orthogonal_matrices():
    """Means over the orthogonal group of n = 3: 0, 1 / n, 3 / (n (n + 2)), and det 0."""
    drawn = torch.stack([draw_orthogonal((3, 3), gain=1.0, key=str(k)) for k in range(3000)])
    third = torch.full((3, 3), 1 / 3)
    torch.testing.assert_close(drawn.mean(0), torch.zeros(3, 3), atol=0.05, rtol=0)
    torch.testing.assert_close((drawn**2).mean(0), third, atol=0.03, rtol=0)
    torch.testing.assert_close((drawn**4).mean(0), 0.6 * third, atol=0.03, rtol=0)
    assert abs(torch.linalg.det(drawn).mean()) < 0.08


def test_an_orthogonal_draw_is_the_same_on_every_machine():
    drawn = draw_orthogonal((32, 24), gain=0.3, key="1/encoder/R1/fc1.weight")
    bits = drawn.numpy().astype("<f4").tobytes()
    assert (
        hashlib.sha256(bits).hexdigest()
        == "a1a4110771d85ae4c5adbbb7cadd103a8d3aae690d659ff07ab4d5e320f8d0dd"
    )  # as numpy 2.4.6 on x86-64 drew it


def test_sparse_reservoirs_keep_their_share_of_values_and_xaviers_variance(build):
    settings = {"reservoir_draw": "sparse", "reservoir_density": 0.3, "d_model": 64, "ffn": 96}
    sparse = matrices(build(ALL_KINDS, "RL", **settings))
    xavier = matrices(build(ALL_KINDS, "RL", d_model=64, ffn=96))
    for name, tensor in sparse.items():
        if tensor.ndim > 2:  # the convolution's kernel
            assert torch.equal(tensor, xavier[name])
            continue
        kept = tensor != 0
        assert kept.float().mean() == pytest.approx(0.3, abs=0.04), name
        assert torch.allclose(tensor[kept], xavier[name][kept] / 0.3**0.5), name
        assert float(tensor.var() / xavier[name].var()) == pytest.approx(1.0, abs=0.2), name


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way["reservoir_draw"])
def test_every_way_of_drawing_gives_the_same_again_and_needs_no_weights_stored(build, way):
    model = build(ALL_KINDS, "RL", seed=4, **way)
    assert same(snapshot(model), snapshot(build(ALL_KINDS, "RL", seed=4, **way)))
    assert set(model.reservoir_tensors()).isdisjoint(model.state_dict())
    others = matrices(build(ALL_KINDS, "RL", seed=4))
    changed = [name for name, t in matrices(model).items() if not torch.equal(t, others[name])]
    assert len(changed) >= len(others) - 1  # a sparse reservoir's kernel stays


@pytest.mark.parametrize("layers", [("RR", "L"), ("L", "RR")], ids=["encoder", "decoder"])
def test_a_fairseq_draw_is_fairseqs_own_initialisation_bit_by_bit(build, layers):
    """That of fairseq's layer classes, with torch's generator at the key's seed."""
    model = build(*layers, reservoir_draw="fairseq", reservoir_gain=2.0)
    options = fairseq_options(ModelConfig(**SMALL), seed=1)
    cfg = transformer_config(options)
    stack, original, drawn = (
        ("encoder", TransformerEncoderLayerBase, model.encoder.layers)
        if layers[0] == "RR"
        else ("decoder", TransformerDecoderLayerBase, model.decoder.layers)
    )
    for ordinal, reservoir in enumerate(drawn, start=1):
        digest = hashlib.sha256(f"1/{stack}/R{ordinal}/initial".encode()).digest()
        torch.manual_seed(int.from_bytes(digest[:4]))
        expected = dict(original(cfg).named_parameters())
        assert expected.keys() == dict(reservoir.named_buffers()).keys()
        for name, tensor in reservoir.named_buffers():
            factor = 2.0 if tensor.ndim > 1 else 1.0
            assert torch.equal(tensor, factor * expected[name]), name


def test_a_fairseq_draw_is_the_same_on_every_machine(build):
    layer = build("R", reservoir_draw="fairseq").encoder.layers[0]
    bits = layer.fc1.weight.numpy().astype("<f4").tobytes()
    golden = "cce24b99e40fcd97a8b08cfca5f1a9a0504dd3227893badde305f17f74d4bed9"
    assert hashlib.sha256(bits).hexdigest() == golden  # as torch 2.13.0 on x86-64 drew it


FROZEN_PARTS = {
    "A": ("self_attn.", "encoder_attn."),
    "N": ("fc1.", "fc2."),
    "Q": tuple(f"{of}_attn.{x}_proj." for of in ("self", "encoder") for x in "qk"),
}


@pytest.mark.parametrize("kind", FROZEN_PARTS)
def test_a_partly_frozen_layer_freezes_its_part_and_no_more(build, kind):
    model = build(kind, kind)
    for layer in (model.encoder.layers[0], model.decoder.layers[0]):
        frozen, learned = dict(layer.named_buffers()), dict(layer.named_parameters())
        assert frozen
        assert all(name.startswith(FROZEN_PARTS[kind]) for name in frozen)
        assert not any(name.startswith(FROZEN_PARTS[kind]) for name in learned)


@pytest.mark.parametrize("way", [{}, *WAYS], ids=lambda way: way.get("reservoir_draw", "xavier"))
def test_what_learns_in_a_partly_frozen_layer_starts_as_in_an_l_in_its_place(build, way):
    plain, partly = dict(build("LLLL").named_parameters()), build("ANQL", **way)
    learned = dict(partly.named_parameters())
    assert len(learned) < len(plain)
    assert all(torch.equal(learned[name], plain[name]) for name in learned)


def test_a_shared_part_is_frozen_or_learned_as_its_kind_says(build, batch, loss):
    model = build("Aa1Aa1Af1Af1", "N1N1")
    layers = model.encoder.layers
    assert layers[0].self_attn is layers[1].self_attn
    assert layers[2].fc1 is layers[3].fc1
    assert set(model.reservoir_tensors()).isdisjoint(dict(model.named_parameters()))
    loss(model, batch).backward()
    assert layers[2].fc1.weight.grad.abs().max() > 0
