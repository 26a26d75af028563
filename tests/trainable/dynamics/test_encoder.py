"""Real encoders: both methods against each other, and against whole Jacobians."""

import math

import pytest
import torch

from spaces.kinds import LAYER_KINDS
from tests.trainable.dynamics.maps import generator
from tests.trainable.models.conftest import SMALL, SRC_ROWS, make_dictionary
from trainable.config import ModelConfig
from trainable.dynamics.encoder_map import EncoderMap, encoder_map, random_directions, trajectory
from trainable.dynamics.lyapunov import log_growths, twin_log_growths
from trainable.dynamics.measure import measure_dynamics
from trainable.models.build import build_model

TOKENS = torch.tensor([5, 9, 14, 7, 2])
PAD = 1
# A kink of a ReLU between a state and its twin moves single steps by more than epsilon.
TOLERANCE = 1e-4


def build(encoder, **settings):
    dictionary = make_dictionary(SRC_ROWS)
    config = ModelConfig(encoder=encoder, decoder="L", **(SMALL | settings))
    return build_model(config, src_dict=dictionary, tgt_dict=dictionary, seed=1)


def jacobian(step, x_T1D):
    """Jacobian of the next state by the present one, by reverse mode."""
    n_numbers = x_T1D.numel()
    return torch.autograd.functional.jacobian(step, x_T1D).reshape(n_numbers, n_numbers)


def measured(model, sentences=(TOKENS,), n_passes=2):
    return measure_dynamics(model, list(sentences), n_passes=n_passes, n_exponents=3, seed=1).bands


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("layout", ["R1LR1L", "FL", "GL", "CL", "L1L1"])
@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_the_two_methods_agree(layout, norm, gain):
    found = measured(build(layout, norm=norm, reservoir_gain=gain))
    by_jvp, by_twins = found["lyapunov"].median[1:], found["lyapunov_twin"].median[1:]
    assert (by_jvp - by_twins).abs().max() < TOLERANCE
    assert by_jvp.abs().max() > 100 * TOLERANCE


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_spectrum_is_that_of_the_whole_jacobians(norm):
    encoder = encoder_map(build("RLFGC", norm=norm))
    start, steps = encoder.start(TOKENS), encoder.steps(1)
    directions = random_directions(start, 4, generator())
    found = log_growths(steps, start, directions)

    x, columns = start, directions.transpose(0, 1).flatten(1).T
    for number, step in enumerate(steps):
        q, r = torch.linalg.qr(jacobian(step, x) @ columns)
        torch.testing.assert_close(found[number], r.diagonal().abs().log())
        x, columns = step(x), q


@pytest.mark.parametrize("layout", LAYER_KINDS)
def test_a_post_norm_layer_loses_two_directions_of_each_token(layout):
    encoder = encoder_map(build(layout, norm="post"))
    for module in encoder.encoder.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.eps = 0.0  # or the second one is nearly lost, by eps over the variance
    (step,) = encoder.steps(1)
    values = torch.linalg.svdvals(jacobian(step, encoder.start(TOKENS)))
    n_lost = 2 * len(TOKENS)
    assert values[-n_lost:].max() < 1e-12
    assert values[-n_lost - 1] > 1e-3


def test_a_pre_norm_layer_loses_no_direction():
    encoder = encoder_map(build("R", norm="pre"))
    (step,) = encoder.steps(1)
    assert torch.linalg.svdvals(jacobian(step, encoder.start(TOKENS)))[-1] > 1e-3


def test_twins_in_float32_need_a_distance_above_rounding():
    encoder = encoder_map(build("R1L" * 2, norm="post"))
    start, steps = encoder.start(TOKENS), encoder.steps(10)
    direction = random_directions(start, 1, generator())
    true = float(twin_log_growths(steps, start, direction).mean())
    single = EncoderMap(encoder.encoder.float())
    arguments = single.steps(10), start.float(), direction.float()
    coarse = float(twin_log_growths(*arguments, epsilon=1e-2).mean())
    fine = float(twin_log_growths(*arguments, epsilon=1e-8).mean())
    assert coarse == pytest.approx(true, abs=0.05)
    assert not math.isclose(fine, true, abs_tol=0.2)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("layout", ["R1LR1L", "LFGC"])
def test_the_states_are_those_of_the_tokens_in_a_padded_batch(layout, norm, side):
    model = build(layout, norm=norm).double().eval()
    padding = torch.full((4,), PAD)
    padded = torch.cat([padding, TOKENS] if side == "left" else [TOKENS, padding])
    other = torch.tensor([4, 5, 6, 7, 8, 9, 10, 11, 2])
    batch = torch.stack([other, padded])
    real = padded.ne(PAD)
    given = model.encoder(batch, batch.ne(PAD).sum(dim=1), return_all_hiddens=True)

    encoder = encoder_map(model)
    states = trajectory(encoder.steps(1), encoder.start(TOKENS))
    for depth, state_TBD in enumerate(given["encoder_states"]):
        torch.testing.assert_close(states[depth], state_TBD[real, 1], atol=1e-9, rtol=0)


def test_going_through_the_layers_again_is_a_deeper_stack_of_the_same_weights():
    again = measured(build("R1L1"), n_passes=3)
    deeper = measured(build("(R1L1)*3"), n_passes=1)
    for name in again.keys() - {"lyapunov_of_pass"}:
        torch.testing.assert_close(again[name].median, deeper[name].median, equal_nan=True)


def test_dropout_is_off_and_the_model_is_left_as_it_was():
    model, still = build("RL", dropout=0.5).train(), build("RL")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found, expected = measured(model), measured(still)
    for name in found:
        torch.testing.assert_close(found[name].median, expected[name].median, equal_nan=True)
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_measuring_draws_nothing_from_torchs_generator():
    model = build("RL")
    before = torch.get_rng_state()
    measured(model)
    assert torch.equal(before, torch.get_rng_state())


def test_post_norm_reservoirs_of_a_large_gain_expand_and_then_contract():
    """Transient chaos of orthogonal reservoirs; with gain 1 distances shrink from the start."""

    def passes(gain):
        model = build("(R1)*4", norm="post", reservoir_gain=gain, d_model=64, ffn=128, heads=4)
        return measured(model, n_passes=8)["lyapunov_of_pass"].median

    weak, strong = passes(1.0), passes(4.0)
    assert weak[1:3].max() < 0
    assert strong[1] > 0.3
    assert strong[8] < 0
