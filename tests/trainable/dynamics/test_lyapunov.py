"""Exponents of maps where they are known, by both methods."""

import math

import pytest
import torch

from tests.trainable.dynamics.maps import (
    contraction,
    generator,
    identity,
    linear,
    logistic,
    random_orthogonal,
    state,
)
from trainable.dynamics.encoder_map import random_directions
from trainable.dynamics.lyapunov import log_growths, twin_log_growths


def by_forward_mode(steps, start, n_exponents=1):
    directions = random_directions(start, n_exponents, generator())
    return log_growths(steps, start, directions)


def by_twins(steps, start, **options):
    return twin_log_growths(steps, start, random_directions(start, 1, generator()), **options)


KNOWN = {
    "logistic": (logistic, state(0.3), math.log(2)),
    "contraction": (contraction, state(0.3, -1.0), -math.log(2)),
    "identity": (identity, state(0.3, -1.0), 0.0),
    "rotation": (linear(random_orthogonal(3)), state(0.3, -1.0, 2.0), 0.0),
    "dilation": (linear(3 * random_orthogonal(3)), state(0.3, -1.0, 2.0), math.log(3)),
}


# The logarithms of the logistic map's slopes telescope, so the mean of N is off by O(1 / N).
@pytest.mark.parametrize("method", [by_forward_mode, by_twins])
@pytest.mark.parametrize("name", KNOWN)
def test_a_known_map_has_its_exponent(name, method):
    step, start, exponent = KNOWN[name]
    n_steps = 600 if name == "logistic" else 200  # a dilation must not overflow
    assert float(method([step] * n_steps, start).mean()) == pytest.approx(exponent, abs=0.02)


@pytest.mark.parametrize("rescale_every", [1, 2, 7])
def test_the_twin_may_be_brought_back_every_so_many_steps(rescale_every):
    found = by_twins([logistic] * 700, state(0.3), rescale_every=rescale_every)
    assert len(found) == 700
    assert float(found.mean()) == pytest.approx(math.log(2), abs=0.02)


def test_a_twin_that_is_not_brought_back_saturates():
    """Why it must be: on an attractor no distance exceeds the attractor's size."""
    found = by_twins([logistic] * 700, state(0.3), rescale_every=700)
    assert float(found.sum()) < math.log(1 / 1e-7)


def test_the_spectrum_of_a_matrix_is_the_logarithms_of_its_eigenvalues():
    upper = torch.diag(torch.tensor([3.0, 2.0, 0.5, 0.1], dtype=torch.float64))
    upper[0, 1:], upper[1, 2] = 5.0, -4.0  # far from normal: singular values are others
    basis = random_orthogonal(4)
    step = linear(basis @ upper @ basis.T)
    converged = by_forward_mode([step] * 150, state(1.0, 1.0, 1.0, 1.0), 3)[100:].mean(dim=0)
    torch.testing.assert_close(
        converged, torch.tensor([3.0, 2.0, 0.5], dtype=torch.float64).log(), atol=1e-6, rtol=0
    )


def test_one_step_along_singular_vectors_stretches_by_the_singular_values():
    matrix = torch.randn(6, 6, dtype=torch.float64, generator=generator(3))
    _, values, vectors = torch.linalg.svd(matrix)
    directions = vectors[:4].view(1, 4, 6)  # T, K, D
    found = log_growths([linear(matrix)], state(*range(6)), directions)[0]
    torch.testing.assert_close(found, values[:4].log())


def test_the_first_of_many_directions_is_a_tangent_by_itself():
    step = linear(torch.randn(5, 5, dtype=torch.float64, generator=generator(4)))
    start = state(1.0, 2.0, 3.0, 4.0, 5.0)
    directions = random_directions(start, 3, generator())
    together = log_growths([step] * 9, start, directions)
    alone = log_growths([step] * 9, start, directions[:, :1])
    torch.testing.assert_close(together[:, :1], alone)


def test_all_exponents_together_are_the_logarithm_of_the_determinant():
    matrix = torch.randn(4, 4, dtype=torch.float64, generator=generator(5))
    found = by_forward_mode([linear(matrix)] * 3, state(1.0, 0.0, 0.0, 2.0), 4)
    torch.testing.assert_close(
        found.sum(dim=1), torch.linalg.det(matrix).abs().log().expand(3), atol=1e-9, rtol=0
    )


def test_random_directions_are_orthonormal_over_all_tokens():
    directions = random_directions(torch.zeros(3, 1, 4, dtype=torch.float64), 5, generator())
    flat = directions.transpose(0, 1).flatten(1)
    torch.testing.assert_close(flat @ flat.T, torch.eye(5, dtype=torch.float64))
    assert (directions.norm(dim=2) > 0.01).all()  # every token is disturbed
