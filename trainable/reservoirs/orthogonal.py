"""Random orthogonal matrices, bit-identical on every machine for one key.

LAPACK's factorisations differ in their last bits between processors. Here the matrix is a
product of reflections, computed by sums and products in a fixed order.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from trainable.reservoirs.stream import raw_bits

_PIECES = 12  # 16-bit numbers summed for one value, whose distribution is nearly normal


def draw_orthogonal(shape: tuple[int, ...], *, gain: float, key: str) -> torch.Tensor:
    """Random matrix with orthonormal rows or columns, whichever are fewer, times ``gain``.

    All dimensions after the first count as columns, as in torch's `orthogonal_`.
    """
    n_rows, n_columns = shape[0], math.prod(shape[1:])
    tall = _orthonormal_columns(max(n_rows, n_columns), min(n_rows, n_columns), key=key)
    matrix = tall if n_rows >= n_columns else tall.T
    return torch.from_numpy((matrix * gain).astype(np.float32)).view(shape)


def _orthonormal_columns(n_rows: int, n_columns: int, *, key: str) -> NDArray[np.float64]:
    """First columns of a matrix drawn uniformly (Haar measure) from the orthogonal matrices.

    A product of Householder reflections along vectors of normal values; each acts on one
    dimension less than the one before.

    Source:
        Stewart 1980, "The efficient generation of random orthogonal matrices", section 3.
    """
    matrix = np.eye(n_rows, n_columns)
    for k in reversed(range(n_columns)):
        v = draw_normal(n_rows - k, key=f"{key}/{k}")
        sign = 1.0 if v[0] >= 0 else -1.0
        v[0] += sign * math.sqrt(math.fsum(v * v))
        block = matrix[k:, k:]
        # ``reduce`` adds row by row on every machine; BLAS chooses its own order.
        along = np.add.reduce(v[:, None] * block, axis=0)
        block -= v[:, None] * (along * (2.0 / math.fsum(v * v)))
        block[:, 0] *= -sign  # makes the corner's sign independent of v's first value
    return matrix


def draw_normal(n: int, *, key: str) -> NDArray[np.float64]:
    """``n`` values of nearly normal distribution, exact sums of integers."""
    pieces = raw_bits(n * _PIECES // 4, key=key).astype("<u8").view("<u2")
    sums = pieces.reshape(n, _PIECES).astype(np.int64).sum(axis=1)
    # Twice the deviation from the mean, plus one: an odd number, so no value is zero.
    values: NDArray[np.float64] = (2 * sums - _PIECES * 65535 + 1).astype(np.float64)
    return values
