"""The learning rate: inverse square root with linear warm-up."""

from __future__ import annotations

import math


def inverse_square_root(update: int, *, lr: float, warmup_updates: int) -> float:
    """The learning rate of update number ``update``, counted from 1.

    Rises linearly from 0 to ``lr`` over the warm-up, then falls with the square root
    of the update, as fairseq's ``inverse_sqrt`` with ``--warmup-init-lr 0``.
    """
    if update < warmup_updates:
        return lr * update / warmup_updates
    return lr * math.sqrt(warmup_updates / update)
