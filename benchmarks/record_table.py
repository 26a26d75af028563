"""Record studies as one table for `reservoir-search replay` and the search benchmark.

Give studies of one space that trained every candidate to the end (search.algorithm "grid",
scheduler.name "none"); several that differ in seed become replicates.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.machine import machine
from search.cli import exit_code
from search.replay.recorded_studies import table_of_studies
from search.replay.table_file import write_table
from search.study.folder import find_study
from spaces.errors import UserError


def main() -> None:
    """Read the command line and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.record_table", description=__doc__)
    parser.add_argument("studies", nargs="+", metavar="STUDY", help="name or folder of a study")
    parser.add_argument("--out", type=Path, required=True, help="new file, .jsonl or .jsonl.gz")
    parser.add_argument("--note", default="", help="what a reader of the figures must know")
    options = parser.parse_args()
    sys.exit(exit_code(lambda: record(options.studies, options.out, note=options.note)))


def record(studies: list[str], out: Path, *, note: str) -> None:
    """Write the table of ``studies`` to ``out`` and tell what it holds.

    Raises:
        UserError: the file exists, or the studies do not fit together.
    """
    if out.exists():
        raise UserError(f"{out} exists; give a new file to --out, or remove it")
    table = table_of_studies(
        [find_study(name) for name in studies], note=note, machine=machine()["machine"]
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_table(table, out)
    print(f"{out}: {len(table.by_key)} candidates, {len(table.trials)} trials")


if __name__ == "__main__":
    main()
