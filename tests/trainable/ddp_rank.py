"""One rank of a trial, for the tests: prints the curve as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from trainable.config import TrialConfig
from trainable.ranks import join_ranks, leave_ranks
from trainable.training import run_trial

if __name__ == "__main__":
    rank, n_ranks, port, config = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    torch.set_num_threads(1)
    ranks = join_ranks(rank=rank, n_ranks=n_ranks, address=f"127.0.0.1:{port}", backend="gloo")
    trial = TrialConfig.model_validate_json(Path(config).read_text())
    training = run_trial(trial, report=lambda point: None, ranks=ranks)
    print(json.dumps([point.to_dict() for point in training.curve]))
    leave_ranks()
