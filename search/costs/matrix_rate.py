"""Measured rate of matrix products of a model's shapes on this machine."""

from __future__ import annotations

import time

import torch

from trainable.config import ModelConfig, RanksConfig, TrainConfig
from trainable.device import autocast_dtype, training_device

_MEASURED_S = 0.6
_WARM_UP = 3


def matrix_rate(model: ModelConfig, train: TrainConfig, ranks: RanksConfig) -> float | None:
    """FLOPs a second of one rank's matrix products; None if this machine has no such device.

    The product is that of a batch's tokens with a feed-forward weight, the most frequent one
    in the model. Trials that run at the same time make each other slower than this.
    """
    if ranks.gpus_per_rank and not torch.cuda.is_available():
        return None
    device = training_device(ranks.gpus_per_rank)
    dtype = autocast_dtype(train.precision, device) or torch.float32
    n_tokens = max(1, train.batch_tokens // (ranks.n_ranks * train.accumulate))
    tokens = torch.ones(n_tokens, model.d_model, dtype=dtype, device=device)
    weight = torch.ones(model.d_model, model.ffn, dtype=dtype, device=device)
    n_threads_before = torch.get_num_threads()
    torch.set_num_threads(ranks.cpus_per_rank)
    try:
        return 2.0 * n_tokens * model.d_model * model.ffn * _products_a_second(tokens, weight)
    finally:
        torch.set_num_threads(n_threads_before)


def _products_a_second(left: torch.Tensor, right: torch.Tensor) -> float:
    for _ in range(_WARM_UP):
        left @ right
    _wait(left)
    n_products, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < _MEASURED_S:
        left @ right
        _wait(left)
        n_products += 1
    return n_products / elapsed


def _wait(tensor: torch.Tensor) -> None:
    if tensor.device.type == "cuda":
        torch.cuda.synchronize(tensor.device)
