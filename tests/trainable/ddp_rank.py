"""One rank of a trial, for the tests: prints the curve, and connections left after its end."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import psutil
import torch

from trainable.config import TrialConfig
from trainable.ranks import join_ranks, leave_ranks
from trainable.training import run_trial

if __name__ == "__main__":
    rank, n_ranks, address, config = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    port = address.rpartition(":")[2]
    torch.set_num_threads(1)
    trial = TrialConfig.model_validate_json(Path(config).read_text())
    ranks = join_ranks(
        rank=rank,
        n_ranks=n_ranks,
        address=address,
        backend="nccl" if trial.ranks.gpus_per_rank else "gloo",
        server=socket.create_server(("127.0.0.1", int(port)))
        if rank == 0 and port.isdigit()
        else None,
    )
    # The curve alone is kept: a model that outlives its process group can end in an abort.
    curve = run_trial(trial, report=lambda point: None, ranks=ranks).curve
    leave_ranks()
    open_connections = psutil.Process().net_connections()
    print(json.dumps([[point.to_dict() for point in curve], open_connections]), flush=True)
