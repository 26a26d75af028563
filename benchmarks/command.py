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

from benchmarks.result import Report
from search.cli import exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of the command line."""

    out: Path
    data: Path | None  # prepared data to use instead of the benchmark's own


def run(measure: Callable[[Options], Report], about: str | None) -> None:
    """Read the command line, measure, write the report and show it.

    Args:
        measure: the benchmark.
        about: its module's docstring, the text of ``--help``.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--out", type=Path, required=True, help="folder for the .md and the .json")
    parser.add_argument(
        "--data",
        type=Path,
        help="a prepared data folder (for search_quality a trial table) instead of its own",
    )
    options = Options(**vars(parser.parse_args()))
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
        report = measure(options)
        report.write(options.out)
        print(report.to_markdown())

    sys.exit(exit_code(work))
