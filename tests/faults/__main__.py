"""``python -m tests.faults --minutes N``: faults at random moments of real studies, as a table."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.faults.harness import Harness, Violation
from tests.faults.table import put_table, table
from trainable.data.grammar.corpus import grammar
from trainable.data.prepare import prepare


def main() -> None:
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    prepare(
        lambda: grammar(seed=3, n_train=600, n_valid=40, n_test=40),
        folder / "grammar",
        n_merges=200,
    )
    print(f"seed {options.seed}, logs in {folder}", flush=True)
    harness = Harness(folder, folder / "grammar", seed=options.seed)
    try:
        outcome = harness.run(options.minutes)
    except Violation as violation:
        sys.exit(f"{table(harness.outcome)}\n\nbroken: {violation}")
    print(table(outcome))
    if options.json:
        options.json.write_text(json.dumps(asdict(outcome), indent=2) + "\n")
    if options.into:
        put_table(options.into, outcome)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--json", type=Path, help="file for all that was measured")
    parser.add_argument("--into", type=Path, help="Markdown file whose table of faults to replace")
    return parser.parse_args()


if __name__ == "__main__":
    main()
