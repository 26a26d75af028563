"""Check of an export's size against its weights and the memory, before it is built."""

from __future__ import annotations

from pathlib import Path

import psutil

from spaces.errors import UserError
from trainable.config import ModelConfig
from trainable.tasks.task import Task

_BYTES = 4  # bytes of a parameter, in float32
_MAX_HEADER_BYTES = 2**23  # header of the weights' file: names, shapes and offsets


def refuse_too_large(config: ModelConfig, task: Task, *, weights: Path) -> None:
    """Check that a model's settings fit its weights, and that the model fits into memory.

    Raises:
        UserError: the weights are of another model, or memory is too small.
        OSError: the file of the weights cannot be read.
    """
    counts = task.count_params(config.encoder, config.decoder, task.dimensions(config))
    n_bytes = weights.stat().st_size
    if not 0 < n_bytes - _BYTES * counts.stored <= _MAX_HEADER_BYTES:
        raise UserError(
            f"{weights}: has {n_bytes} bytes, which are not the {counts.stored} parameters of "
            "config.json; export it again"
        )
    available = psutil.virtual_memory().available
    if _BYTES * counts.total > available:
        raise UserError(
            f"{weights.parent}: the model takes {_BYTES * counts.total / 2**30:.1f} GiB with its "
            f"reservoirs, and {available / 2**30:.1f} GiB of memory are free; use a larger machine"
        )
