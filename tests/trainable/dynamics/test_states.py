"""The measures of states, on states where they can be worked out by hand."""

import math

import pytest
import torch

from tests.trainable.dynamics.maps import drawn, random_orthogonal
from trainable.dynamics.states import (
    effective_dimension,
    offset_kept,
    state_norm,
    token_distance_growth,
    token_spread,
)


def states(*depths):
    return torch.tensor(depths, dtype=torch.float64)


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
