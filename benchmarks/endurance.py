"""Endurance: memory and handles of one driver and of its trial's actor over 300 real trials.

The trials are tiny and one after the other, in one actor that is reused. A process of the
search's is watched from outside; nothing in it is replaced.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.command import Options, run
from benchmarks.corpora import grammar_data
from benchmarks.machine import ROOT, machine
from benchmarks.result import Report, Row, Table
from search.study.errors import WorkFailed
from search.study.folder import STUDIES
from search.study.ledger import read_records

LAST = 300  # trials at the last reading
N_TRIALS = LAST + 20  # so that the actor still lives then
EVERY = 50  # trials between two readings
POLL_S = 1.0
# The learning rate makes each candidate another, however many there are.
STUDY = """
name = "endurance"
data = "{data}"
[space]
depth = [2, 3]
n_reservoirs = [0, 1]
interleaving = ["bottom", "top"]
decoder_depth = 1
[space.hyper]
"train.lr" = {{low = 1e-3, high = 1e-2, log = true}}
[model]
d_model = 16
ffn = 32
heads = 2
[train]
warmup_updates = 4
batch_tokens = 256
[validation]
interval_updates = 4
n_sentences = 10
[budget]
updates = 12
[search]
algorithm = "random"
n_trials = {n_trials}
references = false
n_concurrent = 1
[scheduler]
name = "none"
"""


def measure(options: Options) -> Report:
    """The table of readings."""
    data = (options.data or grammar_data()).resolve()
    header = machine()
    with tempfile.TemporaryDirectory(prefix="endurance-") as name:
        rows = list(_readings(Path(name), data))
    return Report(
        name="endurance",
        title="Endurance",
        header=header,
        tables=[Table(caption="Memory (RSS) in MiB; open file descriptors; threads", rows=rows)],
        notes=["the actor trains every trial; MLflow on SQLite; one trial at a time"],
    )


def _readings(place: Path, data: Path) -> Iterator[Row]:
    """A row at every ``EVERY`` trials that have ended.

    Raises:
        WorkFailed: the search failed.
    """
    (place / "study.toml").write_text(STUDY.format(data=data, n_trials=N_TRIALS))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment.pop("MLFLOW_TRACKING_URI", None)  # the caller's own store is no place for this
    with (place / "log.txt").open("w") as log:
        search = subprocess.Popen(
            [sys.executable, "-m", "search", "run", "study.toml"],
            cwd=place,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    trials = place / STUDIES / "endurance" / "trials.jsonl"
    at = EVERY
    while search.poll() is None:
        time.sleep(POLL_S)
        if trials.exists() and (n := _n_ended(trials)) >= at and at <= LAST:
            yield {"trials": n, **_usage(psutil.Process(search.pid))}
            at += EVERY
    if search.returncode != 0:
        raise WorkFailed((place / "log.txt").read_text()[-2000:])


def _n_ended(trials: Path) -> int:
    return sum(record.state != "running" for record in read_records(trials).values())


def _usage(driver: psutil.Process) -> dict[str, float]:
    """Resources of the driver and of the one process that trains."""
    return {
        f"{name}: {what}": amount
        for name, process in (("driver", driver), ("actor", _actor(driver)))
        for what, amount in (
            ("MiB", process.memory_info().rss / 2**20),
            ("files", process.num_fds()),
            ("threads", process.num_threads()),
        )
    }


def _actor(driver: psutil.Process) -> psutil.Process:
    """The process that trains; Ray changes its title at each call, so it may hide for a moment."""
    while True:
        for child in driver.children(recursive=True):
            if "ResourceTrainable" in " ".join(child.cmdline()):
                return child


if __name__ == "__main__":
    run(measure, __doc__)
