"""The measures of states, on states where they can be worked out by hand."""

import math

import pytest
import torch

from tests.trainable.dynamics.maps import generator, linear, random_orthogonal
from trainable.dynamics.bands import band
from trainable.dynamics.effective_dimension import effective_dimension
from trainable.dynamics.sentence import mean_so_far, sentence_dynamics
from trainable.dynamics.state_norm import state_norm
from trainable.dynamics.token_distance import token_distance_growth
from trainable.dynamics.token_spread import offset_kept, token_spread


def states(*depths):
    return torch.tensor(depths, dtype=torch.float64)


def drawn(n_depths, n_tokens, d_model):
    return torch.randn(n_depths, n_tokens, d_model, dtype=torch.float64, generator=generator())


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


def test_the_norm_is_the_root_of_the_mean_square():
    assert state_norm(states([[3.0, 1.0], [1.0, 1.0]])).tolist() == [math.sqrt(12 / 4)]


def test_the_spread_is_the_mean_deviation_over_the_hidden_dimensions():
    # Deviations of 1, 1 and of 3, 3 about the means 2 and 0: (1 + 3) / 2.
    assert token_spread(states([[1.0, -3.0], [3.0, 3.0]])).tolist() == [2.0]


def test_tokens_in_one_state_are_synchronised():
    assert token_spread(states([[1.0, 5.0], [1.0, 5.0]])).tolist() == [0.0]


def test_tokens_that_move_in_step_keep_their_offset():
    before = drawn(1, 5, 3)
    in_step = before + torch.tensor([7.0, -2.0, 1.0], dtype=torch.float64)
    assert offset_kept(torch.cat([before, in_step])).item() == pytest.approx(1.0)
    assert offset_kept(torch.cat([before, -2 * in_step])).item() == pytest.approx(-1.0)
    assert offset_kept(states([[1.0, 0.0], [-1.0, 0.0]], [[0.0, 1.0], [0.0, -1.0]])).item() == 0.0


def test_synchronised_tokens_keep_the_offset_that_is_none():
    assert offset_kept(states([[2.0], [2.0]], [[5.0], [5.0]])).tolist() == [1.0]


def test_the_distance_of_tokens_grows_by_its_logarithm_in_units_of_the_norm():
    # From 2 at norm 1 to 2 at norm 5: twice farther apart would have been 10.
    found = token_distance_growth(states([[1.0, 1.0], [-1.0, 1.0]], [[1.0, 7.0], [-1.0, 7.0]]))
    assert found.tolist() == pytest.approx([0.0, -math.log(5)])


def test_the_distance_growth_is_the_mean_over_all_pairs():
    # Pairs of three tokens on a circle about 0: the first pair twice as far, others as they were.
    triangle = drawn(1, 3, 4)
    moved = triangle @ (3 * random_orthogonal(4)).T
    assert token_distance_growth(torch.cat([triangle, moved])).tolist() == pytest.approx([0, 0])
    found = token_distance_growth(states([[0.0], [1.0], [3.0]], [[0.0], [2.0], [3.0]]))
    norms = math.log(math.sqrt(13 / 10))
    assert found[1].item() == pytest.approx(
        (math.log(2) + math.log(1) + math.log(1 / 2)) / 3 - norms
    )


def test_the_effective_dimension_counts_equal_axes():
    axes = torch.eye(6, dtype=torch.float64)[:3]
    assert effective_dimension(torch.cat([axes, -axes])[None]).item() == pytest.approx(3.0)


def test_states_on_a_line_have_one_dimension_and_one_state_has_none():
    line = torch.outer(torch.arange(4.0), torch.tensor([1.0, 2.0, 3.0])).double() + 5
    assert effective_dimension(line[None]).item() == pytest.approx(1.0)
    assert effective_dimension(torch.ones(1, 4, 3)).tolist() == [0.0]


@pytest.mark.parametrize("n_tokens", [3, 40])
def test_the_effective_dimension_is_that_of_the_covariances_eigenvalues(n_tokens):
    points = drawn(2, n_tokens, 8)
    found = effective_dimension(points)
    for number, states_TD in enumerate(points):
        values = torch.linalg.eigvalsh(states_TD.T.cov())
        assert found[number].item() == pytest.approx(
            (values.sum() ** 2 / values.square().sum()).item()
        )


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
