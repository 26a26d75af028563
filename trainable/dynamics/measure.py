"""Dynamics of an encoder: per sentence, as quartiles over sentences, and at the trained depth.

Shapes: N steps, T tokens, K directions, D model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from fairseq.models import BaseFairseqModel
from torch import Tensor

from spaces.errors import UserError
from trainable.config import TrialConfig
from trainable.dynamics.encoder_map import EncoderMap, encoder_map, random_directions, trajectory
from trainable.dynamics.lyapunov import log_growths, twin_log_growths
from trainable.dynamics.states import (
    effective_dimension,
    offset_kept,
    state_norm,
    token_distance_growth,
    token_spread,
)
from trainable.tasks.registry import load_task
from trainable.tasks.task import Task

N_SENTENCES = 8  # on which a model in training is measured
# Cheap measures, taken at the validations of a trial and before training.
DYNAMICS_MEASURES = ("lyapunov", "token_spread", "relative_token_spread", "effective_dimension")
SHORTEST = 2  # tokens, the end of the sentence included: one token has no spread


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceDynamics:
    """Measures of one sentence as curves over the depth: N + 1 values, from depth 0.

    Measures of steps have NaN at depth 0. Exponents are natural logarithms per layer, of
    distances relative to the state's norm; ``lyapunov``, ``lyapunov_twin``, ``spectrum`` and
    ``norm_growth`` are means from depth 0 to the depth in question.
    """

    lyapunov: Tensor  # maximal exponent, by forward-mode derivatives
    lyapunov_twin: Tensor  # maximal exponent, by two trajectories from the same first direction
    lyapunov_of_layer: Tensor  # maximal exponent of the single layer below the depth
    lyapunov_of_pass: Tensor  # maximal exponent of each pass through the layers, from pass 1
    spectrum: Tensor  # N + 1, K; the largest exponents
    norm_growth: Tensor  # exponent of the state's norm itself
    state_norm: Tensor
    token_spread: Tensor
    relative_token_spread: Tensor  # token spread divided by the state's norm
    offset_kept: Tensor
    token_distance_growth: Tensor
    effective_dimension: Tensor


def sentence_dynamics(
    encoder: EncoderMap,
    tokens_T: Tensor,
    *,
    n_passes: int,
    n_exponents: int,
    generator: torch.Generator,
) -> tuple[SentenceDynamics, Tensor]:
    """Measures of one sentence, and its states (N + 1, T, D).

    Args:
        tokens_T: a sentence of two tokens or more, without padding.
        n_passes: number of passes through the layers.
        n_exponents: size of the spectrum.
        generator: random generator for the first directions, which cover all tokens.
    """
    start, steps = encoder.start(tokens_T), encoder.steps(n_passes)
    directions = random_directions(start, n_exponents, generator)
    states = trajectory(steps, start)
    norm, spread = state_norm(states), token_spread(states)
    grown = (norm[1:] / norm[:-1]).log()
    exponents = log_growths(steps, start, directions) - grown[:, None]
    twin = twin_log_growths(steps, start, directions[:, :1]) - grown
    largest = exponents[:, 0]
    dynamics = SentenceDynamics(
        lyapunov=_from_1(mean_so_far(largest)),
        lyapunov_twin=_from_1(mean_so_far(twin)),
        lyapunov_of_layer=_from_1(largest),
        lyapunov_of_pass=_from_1(largest.view(n_passes, -1).mean(dim=1)),
        spectrum=_from_1(mean_so_far(exponents)),
        norm_growth=_from_1(mean_so_far(grown)),
        state_norm=norm,
        token_spread=spread,
        relative_token_spread=spread / norm,
        offset_kept=_from_1(offset_kept(states)),
        token_distance_growth=token_distance_growth(states),
        effective_dimension=effective_dimension(states),
    )
    return dynamics, states


def mean_so_far(values_N: Tensor) -> Tensor:
    """Running mean along the first dimension: of the first value, of the first two, and so on."""
    n_so_far = torch.arange(1, len(values_N) + 1, dtype=values_N.dtype)
    return values_N.cumsum(0) / n_so_far.view(-1, *[1] * (values_N.dim() - 1))


def _from_1(values_N: Tensor) -> Tensor:
    """Values with NaN in front, so that the index is the depth: N + 1."""
    return torch.cat([torch.full_like(values_N[:1], torch.nan), values_N])


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Quartiles over the sentences, at each depth."""

    lower: Tensor  # the first quartile
    median: Tensor
    upper: Tensor  # the third quartile

    def to_dict(self) -> dict[str, Any]:
        """Quartiles as lists for JSON, with None for NaN."""
        return {
            name: without_nan(getattr(self, name).tolist()) for name in ("lower", "median", "upper")
        }


def without_nan(values: Any) -> Any:
    """Nested lists of numbers with None in place of NaN."""
    if isinstance(values, list):
        return [without_nan(value) for value in values]
    return None if math.isnan(values) else values


def bands(sentences: Sequence[SentenceDynamics]) -> dict[str, Band]:
    """Quartiles of each measure, by its name in ``SentenceDynamics``."""
    return {
        field.name: band([getattr(sentence, field.name) for sentence in sentences])
        for field in fields(SentenceDynamics)
    }


def band(curves: Sequence[Tensor]) -> Band:
    """Quartiles over curves of the same shape."""
    quartiles = torch.tensor([0.25, 0.5, 0.75], dtype=curves[0].dtype)
    lower, median, upper = torch.quantile(torch.stack(list(curves)), quartiles, dim=0)
    return Band(lower=lower, median=median, upper=upper)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamics:
    """Dynamics of an encoder on several sentences, as curves over the depth."""

    bands: dict[str, Band]  # quartiles over the sentences, by the names of ``SentenceDynamics``
    pooled_dimension: Tensor  # N + 1; effective dimension of the tokens of all sentences together


@torch.no_grad()
def measure_dynamics(
    model: BaseFairseqModel,
    sentences: Sequence[Tensor],
    *,
    n_passes: int,
    n_exponents: int,
    seed: int,
) -> Dynamics:
    """Dynamics of the encoder of ``model``, computed on a copy in float64 on the CPU.

    Dropout is off. The model does not change.

    Args:
        sentences: token tensors T, of two tokens or more, without padding.
        n_passes: number of passes through the layers; one pass is the trained depth.
        n_exponents: size of the spectrum.
        seed: seed of the first directions, which are the same for all models of one width.
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


def dynamics_at_depth(model: BaseFairseqModel, sentences: Sequence[Tensor]) -> dict[str, float]:
    """Median over the sentences of each of ``DYNAMICS_MEASURES``, at the trained depth.

    Measures that are not finite are left out.
    """
    bands = measure_dynamics(model, sentences, n_passes=1, n_exponents=1, seed=1).bands
    values = {name: float(bands[name].median[-1]) for name in DYNAMICS_MEASURES}
    return {name: value for name, value in values.items() if math.isfinite(value)}


def validation_sentences(task: Task, n_sentences: int) -> list[Tensor]:
    """Inputs of the validation set as tokens, evenly spaced over it; without padding.

    All of them where there are not so many.

    Raises:
        UserError: none is long enough.
    """
    inputs = task.encoder_inputs("valid")
    long_enough = [place for place in range(len(inputs)) if len(inputs[place]) >= SHORTEST]
    if not long_enough:
        raise UserError(f"{task.folder}: no validation sentence has two tokens; give other data")
    n_chosen = min(n_sentences, len(long_enough))
    places = np.linspace(0, len(long_enough) - 1, n_chosen).round().astype(int)
    return [inputs[long_enough[place]] for place in places]


def untrained_dynamics(config: TrialConfig) -> dict[str, float]:
    """``dynamics_at_depth`` of the model that the trial starts from.

    Raises:
        UserError: the data or the settings cannot be used.
    """
    task = load_task(config.data)
    model = task.build_model(config.model, seed=config.seed)
    return dynamics_at_depth(model, validation_sentences(task, N_SENTENCES))
