"""``python -m tests.fuzz N [TARGET …]``: N new inputs a target, all targets unless named."""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.fuzz import fuzz
from tests.fuzz.targets import targets


def main(n_inputs: int, names: list[str]) -> None:
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        known = targets(Path(folder))
        for name in names or known:
            start = time.monotonic()
            outcome = fuzz(known[name], n_inputs, is_repeatable=False)
            print(
                f"{name}: {outcome.n_inputs} inputs, {outcome.n_values} values, "
                f"{outcome.n_inputs - outcome.n_values} clear errors, "
                f"{time.monotonic() - start:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
