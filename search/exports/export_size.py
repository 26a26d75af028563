"""Whether an export's model fits what is there, by arithmetic, before any of it is built."""

from __future__ import annotations

from pathlib import Path

import psutil

from spaces.errors import UserError
from trainable.config import ModelConfig
from trainable.model_size import param_counts
from trainable.tasks.task import Task

_BYTES = 4  # of a parameter
_MAX_HEADER_BYTES = 2**23  # of the weights' file: names, shapes and places


def refuse_too_large(config: ModelConfig, task: Task, *, weights: Path) -> None:
    """Refuse settings of another model than the weights are of, or of one beyond the memory.

    Raises:
        UserError: the model would not fit.
        OSError: there are no weights.
    """
    counts = param_counts(config, task)
    n_bytes = weights.stat().st_size
    if not 0 < n_bytes - _BYTES * counts.stored <= _MAX_HEADER_BYTES:
        raise UserError(
            f"{weights}: has {n_bytes} bytes, not those of the {counts.stored} parameters that "
            "config.json tells of; export it again"
        )
    available = psutil.virtual_memory().available
    if _BYTES * counts.total > available:
        raise UserError(
            f"{weights.parent}: the model takes {_BYTES * counts.total / 2**30:.1f} GiB with its "
            f"reservoirs, and {available / 2**30:.1f} GiB of memory are free; use a larger machine"
        )
