"""fairseq's label-smoothed cross-entropy, in one fused call."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

PADDING = 1  # fairseq's padding index in every dictionary


def label_smoothed_loss(logits: Tensor, target: Tensor, label_smoothing: float) -> Tensor:
    """The sum over tokens, in nats, equal to fairseq's ``label_smoothed_cross_entropy``.

    fairseq spreads the smoothed mass over the other V - 1 words, torch over all V; the
    two agree when torch is given V / (V - 1) times the mass.

    Args:
        logits: B, T, V.
        target: B, T; padding counts nothing.
        label_smoothing: the mass that the right word loses, 0 to 1.
    """
    n_words = logits.size(-1)
    return functional.cross_entropy(
        logits.view(-1, n_words).to(torch.float32),
        target.view(-1),
        ignore_index=PADDING,
        reduction="sum",
        label_smoothing=label_smoothing * n_words / (n_words - 1),
    )
