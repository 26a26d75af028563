"""How many dimensions the states take up.

Shapes: N + 1 depths, T states, D model.
"""

from __future__ import annotations

from torch import Tensor


def effective_dimension(states_NTD: Tensor) -> Tensor:
    """N + 1: (sum of l)^2 / sum of l^2, over the eigenvalues l of the states' covariance.

    1 when the states lie on a line, and at most T - 1 and D. From traces, without the
    eigenvalues: tr(C)^2 / tr(C^2), and both products of the centred states have one trace.

    Source:
        the participation ratio, as Inoue et al. 2022 (arXiv:2106.03181) use it.
    """
    centred = states_NTD - states_NTD.mean(dim=1, keepdim=True)
    products_NTT = centred @ centred.transpose(1, 2)
    traces = products_NTT.diagonal(dim1=1, dim2=2).sum(dim=1)
    # Without any spread there is no dimension, and 0 / 0.
    return (traces.square() / products_NTT.square().sum(dim=(1, 2))).nan_to_num(nan=0.0)
