"""The command line that all benchmarks share."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.models import Device
from benchmarks.result import Report
from search.cli import exit_code
from spaces.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of the command line."""

    out: Path
    data: Path | None = None  # prepared data to use instead of the benchmark's own
    device: Device | None = None  # to measure on; if absent, all that this machine has
    seconds: float | None = None  # time for the rounds, which are then fewer

    def __post_init__(self) -> None:
        if self.device == "cuda" and not torch.cuda.is_available():
            raise UserError("--device cuda: this machine has no GPU that torch can use")

    def name(self, benchmark: str) -> str:
        """Name of the report: results on a GPU alone do not replace those with a CPU's."""
        return f"{benchmark}-cuda" if self.device == "cuda" else benchmark

    def rounds(self, n_rounds: int) -> str:
        """Number of rounds in words."""
        if self.seconds is None:
            return f"{n_rounds} rounds"
        return f"up to {n_rounds} rounds, as many as fit in {self.seconds:g} s, one at least"


def run(
    measure: Callable[[Options], Report], about: str | None, *, on_devices: bool = False
) -> None:
    """Read the command line, measure, write the report and show it.

    Args:
        measure: the benchmark.
        about: its module's docstring, the text of ``--help``.
        on_devices: whether it can measure on a GPU, and in a given time.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--out", type=Path, required=True, help="folder for the .md and the .json")
    parser.add_argument(
        "--data",
        type=Path,
        help="a prepared data folder (for early_stopping a trial table) instead of its own",
    )
    if on_devices:
        parser.add_argument(
            "--device",
            choices=("cpu", "cuda"),
            help="measure there alone; cuda at the paper's size",
        )
        parser.add_argument(
            "--seconds", type=float, help="time for the rounds: fewer, and fewer models"
        )
    values = vars(parser.parse_args())
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    warnings.simplefilter("ignore")  # the libraries' warnings, as in search/cli.py
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(message)s", force=True
    )
    for ours in ("benchmarks", "__main__"):
        logging.getLogger(ours).setLevel(logging.INFO)
    logging.getLogger("fairseq").setLevel(logging.WARNING)

    def work() -> None:
        options = Options(**values)
        report = measure(options)
        report.write(options.out)
        print(report.to_markdown())

    sys.exit(exit_code(work))
