"""Scale: what the whole service costs as a study grows to 2,000 trials that take no time.

The trials replay recorded curves as fast as they can; searcher, scheduler, records, tracking
and checkpoints are those of a search. Random search makes the study grow; at each size the
other algorithms take over for some trials. Not part of `make bench`: it takes half an hour.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.command import Options, run
from benchmarks.corpora import grammar_data
from benchmarks.machine import ROOT, machine
from benchmarks.result import Report, Row, Table
from benchmarks.scale_driver import NAME
from search.study.errors import WorkFailed
from search.study.folder import STUDIES, StudyFolder

logger = logging.getLogger(__name__)

ALGORITHMS = ("tpe", "surrogate")  # compared with random search
SIZES = (100, 500, 2000)  # the study grows from each to the next by being resumed
WINDOW = 50  # trials over which a cost is a mean
SHARES = (0.5, 0.75, 1.0)  # of the largest size; the cost of a trial is read there too


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The study at one size: its drivers' costs, its files, and what looking at it takes."""

    size: int
    search: Mapping[str, Any]  # up to this size, by random search; see benchmarks.scale_driver
    others: Mapping[str, Mapping[str, Any]]  # some trials more, by algorithm
    resume: Mapping[str, Any]  # of the finished study
    shows: Mapping[str, float]  # CPU seconds by command
    files: Row


def measure(options: Options) -> Report:
    """Tables of costs, files and commands."""
    data = (options.data or grammar_data()).resolve()
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # the caller's own store is no place for this
    header = machine()
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        stages = [_stage(data, Path(name), size) for size in SIZES]
    return Report(
        name="scale",
        title="Scale",
        header={
            **header,
            "load after": f"{os.getloadavg()[0]:.1f} processes",
            "study": "the space of benchmarks/tables, with a range of learning rates; ASHA; "
            "two trials at a time",
        },
        tables=[
            Table(
                caption="CPU milliseconds of the driver for a trial, mean of the "
                f"{WINDOW} trials before; random search",
                rows=[row for stage in stages for row in _cost_rows(stage)],
            ),
            Table(
                caption="CPU milliseconds for a suggestion, once there are so many trials",
                rows=[_suggestion_row(stage) for stage in stages],
            ),
            Table(
                caption="The study's folder, in MiB, files and rows",
                rows=[stage.files for stage in stages],
            ),
            Table(
                caption="CPU seconds of a command, start and imports included",
                rows=[_command_row(stage) for stage in stages],
            ),
        ],
        notes=[
            "suggesting: Optuna; sending: MLflow's thread; the rest: Tune, records, clean-up",
            "the wall time is the machine's as much as ours where the load is high",
            "resume: of a finished study, Ray's start included; until it is ready, and in all",
        ],
    )


def _stage(data: Path, place: Path, size: int) -> Stage:
    search = _drive("random", data, size, place)
    resume = _drive("random", data, size, place)
    shows = {
        " ".join(command): _run(["-m", "search", *command, NAME], place)[1]
        for command in (("show",), ("show", "--json"), ("report",))
    }
    files = _files(StudyFolder(place / STUDIES / NAME), size)
    others = {
        algorithm: _drive(algorithm, data, size + n * WINDOW, place)
        for n, algorithm in enumerate(ALGORITHMS, start=1)
    }
    logger.info("trials=%d", size)
    return Stage(size=size, search=search, others=others, resume=resume, shows=shows, files=files)


def _drive(algorithm: str, data: Path, size: int, place: Path) -> Mapping[str, Any]:
    """The costs of a driver that makes the study grow to ``size``."""
    arguments = ["-m", "benchmarks.scale_driver", algorithm, str(data), str(size)]
    costs: Mapping[str, Any] = json.loads(_run(arguments, place)[0])
    return costs


def _run(arguments: Sequence[str], place: Path) -> tuple[str, float]:
    """Output of Python run in ``place``, and the CPU seconds that it took."""
    before = _children_cpu_s()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise WorkFailed(f"{arguments[1]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout, _children_cpu_s() - before


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cost_rows(stage: Stage) -> list[Row]:
    """The cost of a trial at the stage's end, and on the way to the largest size."""
    ended = stage.search["ended"]
    n_before = stage.size - (len(ended) - 1)  # the first reading was taken before any trial
    at = {stage.size}
    if stage.size == SIZES[-1]:
        at |= {round(share * stage.size) for share in SHARES}
    return [_cost_row(n, ended[n - n_before - WINDOW :][: WINDOW + 1]) for n in sorted(at)]


def _cost_row(n: int, readings: Sequence[Mapping[str, float]]) -> Row:
    first, last = readings[0], readings[-1]
    n_trials = len(readings) - 1
    spent = {name: 1000 * (last[name] - first[name]) / n_trials for name in last}
    return {
        "trials": n,
        "all": spent["cpu_s"],
        "suggesting": spent["suggest_cpu_s"],
        "sending": spent["mlflow_cpu_s"],
        "the rest": spent["cpu_s"] - spent["suggest_cpu_s"] - spent["mlflow_cpu_s"],
        "wall": spent["wall_s"],
        "driver's memory, MiB": last["memory_mib"],
    }


def _suggestion_row(stage: Stage) -> Row:
    drivers = {"random": stage.search, **stage.others}
    rows = {
        name: _cost_row(stage.size, costs["ended"][-WINDOW - 1 :])
        for name, costs in drivers.items()
    }
    return {"trials": stage.size, **{name: row["suggesting"] for name, row in rows.items()}}


def _files(folder: StudyFolder, size: int) -> Row:
    with closing(sqlite3.connect(folder.mlflow_database)) as database:
        rows = {
            f"MLflow {name}": database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("runs", "metrics", "params")
        }
    return {
        "trials": size,
        "trials.jsonl": _mib(folder.trials),
        "optuna.log": _mib(folder.optuna_log),
        "mlflow.db": _mib(folder.mlflow_database),
        **rows,
        "mlartifacts": sum(_mib(file) for file in folder.mlflow_artifacts.rglob("*")),
        "its files": _n_files(folder.mlflow_artifacts),
        "ray": sum(_mib(file) for file in folder.ray.rglob("*")),
        "ray's files": _n_files(folder.ray),
    }


def _mib(path: Path) -> float:
    return path.stat().st_size / 2**20 if path.is_file() else 0.0


def _n_files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def _command_row(stage: Stage) -> Row:
    return {
        "trials": stage.size,
        **stage.shows,
        "resume, ready": stage.resume["begin"]["cpu_s"],
        "resume, all": stage.resume["finished"]["cpu_s"],
    }


if __name__ == "__main__":
    run(measure, __doc__)
