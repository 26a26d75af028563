"""A training in a process of its own: takes a trial as JSON, prints its rate as JSON."""

from __future__ import annotations

import json
import sys

import torch

from trainable.config import TrialConfig
from trainable.training import run_trial


def main() -> None:
    """Train, then print updates, tokens, seconds and GPU memory as JSON."""
    config = TrialConfig.model_validate_json(sys.argv[1])
    torch.set_num_threads(config.ranks.cpus_per_rank)
    training = run_trial(config, report=lambda _: None)
    first, last = training.curve[0], training.curve[-1]
    result = {
        "updates": last.updates - first.updates,
        "tokens": last.tokens - first.tokens,
        "seconds": last.seconds - first.seconds,
        "gpu_bytes": training.peak_memory_bytes,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
