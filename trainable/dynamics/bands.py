"""From the curves of single sentences to one curve with a band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from trainable.dynamics.sentence import SentenceDynamics


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What half of the sentences lie in, at each depth."""

    lower: Tensor  # the first quartile
    median: Tensor
    upper: Tensor  # the third quartile

    def to_dict(self) -> dict[str, Any]:
        """Lists, with None for NaN, as JSON has it."""
        return {
            name: without_nan(getattr(self, name).tolist()) for name in ("lower", "median", "upper")
        }


def without_nan(values: Any) -> Any:
    """Nested lists with None in the place of each NaN."""
    if isinstance(values, list):
        return [without_nan(value) for value in values]
    return None if math.isnan(values) else values


def bands(sentences: Sequence[SentenceDynamics]) -> dict[str, Band]:
    """The band of each measure, by its name in ``SentenceDynamics``."""
    return {
        field.name: band([getattr(sentence, field.name) for sentence in sentences])
        for field in fields(SentenceDynamics)
    }


def band(curves: Sequence[Tensor]) -> Band:
    """The quartiles over curves of one shape."""
    quartiles = torch.tensor([0.25, 0.5, 0.75], dtype=curves[0].dtype)
    lower, median, upper = torch.quantile(torch.stack(list(curves)), quartiles, dim=0)
    return Band(lower=lower, median=median, upper=upper)
