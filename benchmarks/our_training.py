"""A training in a process of its own: takes a trial as JSON, prints its curve as JSON."""

from __future__ import annotations

import json
import math
import sys

import torch

from trainable.config import TrialConfig
from trainable.ranks import Ranks
from trainable.training import Training


def main() -> None:
    """Train, then print updates, tokens and seconds of each point, and GPU memory, as JSON."""
    config = TrialConfig.model_validate_json(sys.argv[1])
    torch.set_num_threads(config.ranks.cpus_per_rank)
    # On a GPU the updates are made as in a long trial, whose part this is.
    training = Training(config, ranks=Ranks(), n_updates=math.inf)
    result = {
        "points": [(point.updates, point.tokens, point.seconds) for point in training.points()],
        "gpu_bytes": training.peak_memory_bytes,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
