"""The cheap measures of a model in training."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from trainable.dynamics.measure import measure_dynamics
from trainable.models.reservoir_transformer import ReservoirTransformer

N_SENTENCES = 8
MEASURES = ("lyapunov", "token_spread", "relative_token_spread", "effective_dimension")


def dynamics_at_depth(model: ReservoirTransformer, sentences: Sequence[Tensor]) -> dict[str, float]:
    """The median over the sentences of each of ``MEASURES``, at the trained depth.

    Those that are no finite number are left out.
    """
    bands = measure_dynamics(model, sentences, n_passes=1, n_exponents=1, seed=1).bands
    values = {name: float(bands[name].median[-1]) for name in MEASURES}
    return {name: value for name, value in values.items() if math.isfinite(value)}
