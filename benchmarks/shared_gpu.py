"""Several trials on one GPU: updates a second of all together, with and without MPS.

One, two and four trainings of Model 0 at the paper's size, each in a process of its own as a
trial is, as with `gpus_per_rank` 1, 0.5 and 0.25. NVIDIA's Multi-Process Service lets their
kernels run at the same time; without it the GPU goes from process to process.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import torch

from benchmarks.command import Options, run
from benchmarks.corpora import data_for, described
from benchmarks.machine import machine
from benchmarks.models import MODELS, PAPER, trial
from benchmarks.rates import our_rate
from benchmarks.result import Report, Row, Table
from benchmarks.spread import Spread, ratio
from spaces.errors import UserError
from trainable.config import TrialConfig

N_TOGETHER = (1, 2, 4)
N_ROUNDS = 2
N_TURNS = 6  # of a process; the first warms up
MPS = "nvidia-cuda-mps-control"


def measure(options: Options) -> Report:
    """One table: rows are the numbers of processes, with and without MPS.

    Raises:
        UserError: there is no GPU.
    """
    if not torch.cuda.is_available():
        raise UserError("shared_gpu: there is no CUDA device here; run it on a machine with one")
    data = options.data or data_for(PAPER)
    config = trial(MODELS[0], PAPER, data, n_turns=N_TURNS)
    rows = _rows(config, "no")
    if shutil.which(MPS):
        with mps():
            rows += _rows(config, "yes")
    return Report(
        name="shared_gpu",
        title="Several trials on one GPU",
        header={
            **machine(),
            "data": described(data),
            "model": f"{MODELS[0]}, {PAPER}",
            "measured": f"{N_ROUNDS} rounds, each process after its warm-up",
        },
        tables=[Table(caption="all processes together", rows=rows)],
        notes=[] if shutil.which(MPS) else [f"without {MPS}, which is not installed here"],
    )


def _rows(config: TrialConfig, with_mps: str) -> list[Row]:
    totals = {n: [together(config, n) for _ in range(N_ROUNDS)] for n in N_TOGETHER}
    return [
        {
            "processes": float(n),
            "MPS": with_mps,
            "updates/s of all": Spread.of(total),
            "× one process": ratio(total, totals[1]),
        }
        for n, total in totals.items()
    ]


def together(config: TrialConfig, n_processes: int) -> float:
    """Updates a second of ``n_processes`` that train ``config`` at the same time."""
    with ThreadPoolExecutor(n_processes) as pool:
        return sum(rate.updates_per_s for rate in pool.map(our_rate, [config] * n_processes))


@contextlib.contextmanager
def mps() -> Iterator[None]:
    """A Multi-Process Service of our own, for the processes that start within the context."""
    with tempfile.TemporaryDirectory() as folder:
        ours = {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        subprocess.run([MPS, "-d"], check=True)
        try:
            yield
        finally:
            subprocess.run([MPS], input="quit\n", text=True, check=False)
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


if __name__ == "__main__":
    run(measure, __doc__)
