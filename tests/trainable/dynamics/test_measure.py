"""Curves over the depth, on maps where they can be worked out by hand, and bands over them."""

import math

import pytest
import torch

from tests.trainable.dynamics.maps import drawn, generator, linear, random_orthogonal
from trainable.dynamics.measure import band, mean_so_far, sentence_dynamics


class Linear:
    """A map of one linear step a layer, in the place of an encoder."""

    def __init__(self, *matrices):
        self._layers = [linear(matrix) for matrix in matrices]

    def start(self, tokens):
        return drawn(len(tokens), 1, 4)

    def steps(self, n_passes):
        return self._layers * n_passes


def measured(encoder, n_passes=3, n_exponents=2):
    return sentence_dynamics(
        encoder,
        torch.arange(5),
        n_passes=n_passes,
        n_exponents=n_exponents,
        generator=generator(),
    )[0]


def test_growth_of_the_state_as_a_whole_is_no_expansion():
    found = measured(Linear(*2 * [3 * torch.eye(4, dtype=torch.float64)]))
    for exponents in (found.lyapunov, found.lyapunov_twin, found.lyapunov_of_layer):
        assert exponents[1:].tolist() == pytest.approx([0.0] * 6, abs=1e-6)
    assert found.norm_growth[1:].tolist() == pytest.approx([math.log(3)] * 6)
    spread = found.relative_token_spread
    assert spread.tolist() == pytest.approx([spread[0].item()] * 7)


def test_curves_stand_at_their_depth_and_passes_at_their_number():
    found = measured(Linear(*[random_orthogonal(4, seed) for seed in range(5)]), n_passes=2)
    for name in ("lyapunov", "lyapunov_twin", "lyapunov_of_layer", "norm_growth", "offset_kept"):
        curve = getattr(found, name)
        assert curve.shape == (11,)
        assert curve.isnan().tolist() == [True] + 10 * [False], name
    assert found.spectrum.shape == (11, 2)
    layers, passes = found.lyapunov_of_layer, found.lyapunov_of_pass
    assert passes[1:].tolist() == [layers[1:6].mean().item(), layers[6:].mean().item()]
    assert found.lyapunov[10].item() == pytest.approx(layers[1:].mean().item())


def test_the_mean_so_far_is_of_the_values_up_to_each():
    values = torch.tensor([[1.0, 4.0], [3.0, 0.0]])
    assert mean_so_far(values).tolist() == [[1.0, 4.0], [2.0, 2.0]]


def test_a_band_is_median_and_quartiles_and_json_has_no_nan():
    found = band([torch.tensor([float("nan"), value]) for value in (4.0, 1.0, 2.0, 3.0, 5.0)])
    assert found.to_dict() == {"lower": [None, 2.0], "median": [None, 3.0], "upper": [None, 4.0]}
