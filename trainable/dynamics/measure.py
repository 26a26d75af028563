"""The dynamics of a model's encoder, over the sentences of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainable.dynamics.bands import Band, bands
from trainable.dynamics.effective_dimension import effective_dimension
from trainable.dynamics.encoder_map import encoder_map
from trainable.dynamics.sentence import sentence_dynamics
from trainable.models.reservoir_transformer import ReservoirTransformer


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamics:
    """Curves over the depth, with bands over the sentences."""

    bands: dict[str, Band]  # by the names of ``SentenceDynamics``
    pooled_dimension: Tensor  # N + 1; effective dimension of the tokens of all sentences together


@torch.no_grad()
def measure_dynamics(
    model: ReservoirTransformer,
    sentences: Sequence[Tensor],
    *,
    n_passes: int,
    n_exponents: int,
    seed: int,
) -> Dynamics:
    """The measures of ``model``, dropout off, in float64 on the CPU; the model is left alone.

    Args:
        sentences: tokens, two a sentence or more, without padding.
        n_passes: how often the layers are gone through; once is the trained depth.
        n_exponents: of the spectrum.
        seed: of the first directions, which are the same for every model of one width.
    """
    encoder = encoder_map(model)
    generator = torch.Generator().manual_seed(seed)
    measured, states = [], []
    for tokens in sentences:
        dynamics, states_NTD = sentence_dynamics(
            encoder, tokens, n_passes=n_passes, n_exponents=n_exponents, generator=generator
        )
        measured.append(dynamics)
        states.append(states_NTD)
    return Dynamics(
        bands=bands(measured), pooled_dimension=effective_dimension(torch.cat(states, dim=1))
    )
