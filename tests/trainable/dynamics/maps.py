"""Maps whose exponents are known; a state is T, B, D, and B states go side by side."""

from __future__ import annotations

import torch


def linear(matrix: torch.Tensor):
    """x to A x, for each token."""
    return lambda x: x @ matrix.T


def logistic(x):
    """x to 4 x (1 - x): its exponent is ln 2."""
    return 4 * x * (1 - x)


def contraction(x):
    """To the fixed point 2, half of the way each time."""
    return 0.5 * x + 1.0


def identity(x):
    return x.clone()


def state(*values: float) -> torch.Tensor:
    """One token with these numbers."""
    return torch.tensor(values, dtype=torch.float64).view(1, 1, -1)


def random_orthogonal(size: int, seed: int = 1) -> torch.Tensor:
    drawn = torch.randn(size, size, dtype=torch.float64, generator=generator(seed))
    return torch.linalg.qr(drawn).Q


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(n_depths: int, n_tokens: int, d_model: int) -> torch.Tensor:
    """Random states."""
    return torch.randn(n_depths, n_tokens, d_model, dtype=torch.float64, generator=generator())
