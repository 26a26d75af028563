"""How large the state is: what distances are measured by.

Shapes: N + 1 depths, T tokens, D model.
"""

from __future__ import annotations

from torch import Tensor


def state_norm(states_NTD: Tensor) -> Tensor:
    """N + 1: the root of the mean square over all numbers of the state.

    Post-norm layers keep it near one. With pre-norm each layer adds to it, and with it grows
    every distance: an expansion that no later layer sees, for they look at LN(x).
    """
    return states_NTD.square().mean(dim=(1, 2)).sqrt()
